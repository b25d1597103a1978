/* SPDX-License-Identifier: ISC */
#include "proc/tls.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/fd.h"
#include "proc/loop.h"
#include "tap.h"

#define BIG (4 << 20)

/* ---- authorities and certificates, made here ---- */

static EVP_PKEY *key; /* of everybody */

static void
add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
}

static X509 *
make_cert(const char *name, const char *names, X509 *issuer, long ends_s)
{
	static long serial;
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), -7200);
	X509_gmtime_adj(X509_getm_notAfter(cert), ends_s);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(
	    subject, "CN", MBSTRING_ASC, (const void *)name, -1, -1, 0);
	X509_set_issuer_name(
	    cert, issuer != NULL ? X509_get_subject_name(issuer) : subject);
	add_extension(cert, NID_basic_constraints,
	    issuer != NULL ? "CA:FALSE" : "critical,CA:TRUE");
	if (names != NULL)
		add_extension(cert, NID_subject_alt_name, names);
	if (X509_sign(cert, key, EVP_sha256()) == 0)
		bail_out("sign a certificate");
	return cert;
}

static size_t
trust(struct tls_client *client, X509 *authority)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	size_t n;

	PEM_write_bio_X509(bio, authority);
	n = (size_t)BIO_get_mem_data(bio, &text);
	n = tls_client_trust(client, (struct str){text, n});
	BIO_free(bio);
	return n;
}

/* ---- the host, a process ---- */

static SSL_CTX *host; /* sessions of it are known to all processes */

static void
host_shows(X509 *cert)
{
	SSL_CTX_free(host);
	host = SSL_CTX_new(TLS_server_method());
	if (SSL_CTX_use_certificate(host, cert) != 1 ||
	    SSL_CTX_use_PrivateKey(host, key) != 1)
		bail_out("take a certificate");
}

/* Echo until "q", then end the session; "x" ends without a word. */
static void
host_serve(int fd)
{
	static char data[65536];
	SSL *ssl = SSL_new(host);
	int n;

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) != 1)
		_exit(1);
	while ((n = SSL_read(ssl, data, sizeof(data))) > 0 && data[0] != 'x') {
		if (data[0] == 'q')
			SSL_shutdown(ssl);
		else if (SSL_write(ssl, data, n) != n)
			_exit(2);
	}
	_exit(0);
}

/* ---- the stream under test ---- */

struct stream {
	struct io *io;
	struct tls *tls;
	struct buf told, got;
	const char *stop;
	size_t wanted; /* bytes that end the loop */
	pid_t peer;
};

static void
on_event(struct io *io, enum io_event what, void *arg)
{
	struct stream *s = arg;
	struct buf *in = io_in(io);

	buf_add_char(&s->told, "cdvetxs"[what]);
	if (what == IO_DATA) {
		buf_add(&s->got, in->data, in->len);
		buf_drop(in, in->len);
	}
	if (strchr(s->stop, "cdvetxs"[what]) != NULL &&
	    (what != IO_DATA || s->got.len >= s->wanted))
		loop_stop();
}

static const char *
run(struct stream *s, const char *stop)
{
	buf_clear(&s->told);
	s->stop = stop;
	loop_run();
	return buf_text(&s->told);
}

/* The peer runs serve(fd) in a process of its own. */
static void
begin(struct stream *s, void (*serve)(int fd))
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		bail_out("make a pair of sockets");
	*s = (struct stream){.stop = ""};
	s->peer = fork();
	if (s->peer == 0) {
		close(pair[0]);
		serve(pair[1]);
		_exit(0);
	}
	close(pair[1]);
	fd_nonblock(pair[0]);
	s->io = io_new(pair[0], on_event, s);
	io_timeout(s->io, 3000);
}

static const char *
secure(struct stream *s, struct tls_client *client, const char *name)
{
	s->tls = tls_new(client, io_fd(s->io), name, name);
	if (io_starttls(s->io, tls_layer(s->tls)) == -1)
		return "refused";
	return run(s, "sxet");
}

static void
end(struct stream *s)
{
	io_close(&s->io);
	buf_free(&s->told);
	buf_free(&s->got);
	waitpid(s->peer, NULL, 0);
}

static void
say(struct stream *s, const char *text)
{
	io_write(s->io, text, strlen(text));
}

/* ---- tests ---- */

static X509 *authority, *other;

static void
test_stream(struct tls_client *client)
{
	struct tls_facts facts;
	struct stream s;

	begin(&s, host_serve);
	is_str(secure(&s, client, "mx.example"), "s", "secured");
	ok(tls_unverified(s.tls) == NULL, "its certificate is verified");
	facts = tls_facts(s.tls);
	is_str(facts.version, "TLSv1.3", "the version");
	is_str(facts.cipher, "TLS_AES_256_GCM_SHA384", "the cipher");
	say(&s, "hello");
	is_str(run(&s, "dext"), "d", "bytes go there and come back");
	is_mem(s.got.data, s.got.len, "hello", 5, "unchanged");
	say(&s, "q");
	is_str(run(&s, "ext"), "e", "the end of the session is the end");
	end(&s);

	begin(&s, host_serve);
	secure(&s, client, "mx.example");
	say(&s, "x");
	is_str(run(&s, "ext"), "e", "an end without a word is one too");
	end(&s);
}

static void
test_big(struct tls_client *client)
{
	static char pattern[BIG];
	struct stream s;

	for (size_t i = 0; i < BIG; i++)
		pattern[i] = 'A' + i % 23;
	begin(&s, host_serve);
	secure(&s, client, "mx.example");
	s.wanted = BIG;
	io_write(s.io, pattern, BIG);
	run(&s, "dext");
	is_mem(s.got.data, s.got.len, pattern, BIG,
	    "4 MiB in both directions at once");
	end(&s);
}

static void
expect_unverified(struct tls_client *client, const char *name, X509 *cert,
    const char *want, const char *what)
{
	const char *why;
	struct stream s;

	host_shows(cert);
	begin(&s, host_serve);
	secure(&s, client, name);
	why = tls_unverified(s.tls);
	is_str(why != NULL ? why : "verified", want, "%s", what);
	end(&s);
}

static void
test_names(struct tls_client *client)
{
	X509 *good = make_cert("x", "DNS:mx.example", authority, 3600);
	X509 *wild = make_cert("x", "DNS:*.mx.example", authority, 3600);
	X509 *address = make_cert("x", "IP:192.0.2.1", authority, 3600);
	X509 *old = make_cert("x", "DNS:mx.example", authority, -3600);
	X509 *foreign = make_cert("x", "DNS:mx.example", other, 3600);

	expect_unverified(client, "mx2.example", good, "hostname mismatch",
	    "a certificate for another name");
	expect_unverified(client, "a.mx.example", wild, "verified",
	    "a wildcard in the first place");
	expect_unverified(client, "a.b.mx.example", wild, "hostname mismatch",
	    "stands for one label");
	expect_unverified(client, "[192.0.2.1]", address, "verified",
	    "a certificate for an address");
	expect_unverified(client, "[192.0.2.2]", address, "IP address mismatch",
	    "is for that one only");
	expect_unverified(client, "[none]", address, "no name to verify it for",
	    "what is no address is never verified");
	expect_unverified(client, "mx.example", old, "certificate has expired",
	    "an expired one");
	expect_unverified(client, "mx.example", foreign,
	    "unable to get local issuer certificate",
	    "one of an authority that is not ours");
	expect_unverified(client, "mx.example", other,
	    "self-signed certificate", "one that nobody signed");
	X509_free(good);
	X509_free(wild);
	X509_free(address);
	X509_free(old);
	X509_free(foreign);
}

static void
test_pins(struct tls_client *client, X509 *cert)
{
	uint8_t pins[2][TLS_DIGEST] = {{0}};
	unsigned char *der = NULL;
	struct stream s;
	int len;

	host_shows(cert);
	begin(&s, host_serve);
	secure(&s, client, "elsewhere.example");
	ok(!tls_pinned(s.tls, pins, 2), "not pinned");
	X509_digest(cert, EVP_sha256(), pins[1], NULL);
	ok(tls_pinned(s.tls, pins, 2), "pinned by its certificate");
	len = i2d_PUBKEY(key, &der);
	EVP_Digest(der, (size_t)len, pins[1], NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	ok(tls_pinned(s.tls, pins, 2), "pinned by its public key");
	ok(!tls_pinned(s.tls, pins, 1), "only those that were given");
	end(&s);
}

/* One round, so that the sessions of TLS 1.3 have come. */
static bool
resumes(struct tls_client *client, const char *name)
{
	struct stream s;
	bool resumed;

	begin(&s, host_serve);
	if (strcmp(secure(&s, client, name), "s") != 0)
		diag("told %s: %s", buf_text(&s.told), tls_why(s.tls));
	resumed = tls_resumed(s.tls);
	say(&s, "hello");
	run(&s, "dext");
	end(&s);
	return resumed;
}

/* Both are begun before either has shaken hands: each has a ticket of its own. */
static void
test_two_at_once(struct tls_client *client)
{
	static const char name[] = "both.example";
	struct stream s[3];
	int resumed = 0;

	ok(!resumes(client, name), "two tickets come with the first session");
	for (int i = 0; i < 3; i++) {
		begin(&s[i], host_serve);
		s[i].tls = tls_new(client, io_fd(s[i].io), name, name);
	}
	for (int i = 0; i < 3; i++) {
		if (io_starttls(s[i].io, tls_layer(s[i].tls)) == -1)
			bail_out("no handshake");
		is_str(run(&s[i], "sxet"), "s", "secured");
		is_int(tls_resumed(s[i].tls), i < 2,
		    i < 2 ? "with one" : "no ticket is used twice");
	}
	for (int i = 0; i < 3; i++) {
		say(&s[i], "hello");
		run(&s[i], "dext");
		end(&s[i]);
	}
	for (int i = 0; i < 40; i++)
		resumed += resumes(client, name);
	is_int(resumed, 40, "each brings new ones, more than are kept");
}

static void
test_resumption(struct tls_client *client, X509 *cert)
{
	host_shows(cert);
	ok(!resumes(client, "mx.example"), "the first session is new");
	ok(resumes(client, "mx.example"), "the second one is resumed");
	ok(resumes(client, "mx.example"), "and so on");
	ok(!resumes(client, "mx2.example"), "another name's is not");
	trust(client, authority);
	ok(!resumes(client, "mx.example"), "nor one that others verified");
	test_two_at_once(client);
	SSL_CTX_set_max_proto_version(host, TLS1_2_VERSION);
	trust(client, authority);
	ok(!resumes(client, "mx.example"), "TLS 1.2: new");
	ok(resumes(client, "mx.example"), "TLS 1.2: resumed");
	ok(resumes(client, "mx.example"), "and again");
}

/* ---- what goes wrong ---- */

/* Unread bytes would make its end a reset. */
static void
read_to_end(int fd)
{
	while (read(fd, (char[4096]){0}, 4096) > 0)
		;
}

static void
host_talks_smtp(int fd)
{
	fd_write_all(fd, "500 5.5.1 what?\r\n", 17);
	read_to_end(fd);
}

static void
host_leaves(int fd)
{
	(void)!read(fd, (char[4096]){0}, 4096);
}

static void
host_is_early(int fd)
{
	fd_write_all(fd, "250 injected\r\n", 14);
	read_to_end(fd);
}

static void
on_early(struct io *io, enum io_event what, void *arg)
{
	(void)io;
	(void)what;
	(void)arg;
	loop_stop();
}

static void
test_failures(struct tls_client *client, X509 *cert)
{
	struct stream s;
	int fd;

	begin(&s, host_talks_smtp);
	is_str(secure(&s, client, "mx.example"), "x", "no TLS: an error");
	is_int(io_error(s.io), EPROTO, "of the protocol");
	is_str(tls_why(s.tls), "wrong version number", "with its reason");
	end(&s);

	begin(&s, host_talks_smtp);
	poll(&(struct pollfd){io_fd(s.io), POLLIN, 0}, 1, -1);
	is_str(secure(&s, client, "mx.example"), "x", "the same, at once");
	is_str(tls_why(s.tls), "wrong version number", "with its reason");
	end(&s);

	begin(&s, host_leaves);
	is_str(secure(&s, client, "mx.example"), "x", "an end in the midst");
	is_str(tls_why(s.tls), "connection closed", "with its reason");
	end(&s);

	host_shows(cert);
	resumes(client, "mx.example");
	begin(&s, host_leaves);
	secure(&s, client, "mx.example");
	end(&s);
	ok(!resumes(client, "mx.example"), "then no ticket is offered");
	SSL_CTX_set_security_level(host, 0);
	SSL_CTX_set_min_proto_version(host, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(host, TLS1_1_VERSION);
	begin(&s, host_serve);
	is_str(secure(&s, client, "mx.example"), "x", "TLS 1.1 is refused");
	end(&s);

	begin(&s, host_is_early);
	fd = dup(io_fd(s.io));
	io_close(&s.io);
	s.io = io_new(fd, on_early, &s);
	loop_run();
	is_str(secure(&s, client, "mx.example"), "refused",
	    "bytes that came in clear do not count as secured");
	end(&s);
}

int
main(void)
{
	const char *why = "";
	struct tls_client *client;
	X509 *cert;

	signal(SIGPIPE, SIG_IGN);
	loop_init();
	key = EVP_EC_gen("P-256");
	authority = make_cert("authority", NULL, NULL, 3600);
	other = make_cert("other", NULL, NULL, 3600);
	cert = make_cert("x", "DNS:mx.example", authority, 3600);
	client = tls_client_new(&why);
	ok(client != NULL, "a client %s", why);
	is_int(tls_client_trust(client, str_of("none")), 0, "no authority");
	is_int(trust(client, authority), 1, "one authority");
	host_shows(cert);
	test_stream(client);
	test_big(client);
	test_names(client);
	test_pins(client, cert);
	test_resumption(client, cert);
	test_failures(client, cert);
	tls_client_free(&client);
	ok(client == NULL, "freed");
	SSL_CTX_free(host);
	X509_free(cert);
	X509_free(authority);
	X509_free(other);
	EVP_PKEY_free(key);
	return done();
}
