/* SPDX-License-Identifier: ISC */
/*
 * The digest of a certificate or a key that is known beforehand, as written:
 * "sha256:" and 64 hexadecimal digits, with or without colons between the
 * bytes.  Layer: mail.
 */
#ifndef MAIL_PIN_H
#define MAIL_PIN_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define PIN_SIZE 32

/* 0, or -1 when it is none. */
int pin_parse(struct str text, uint8_t pin_r[PIN_SIZE]);
/* That of the first certificate in PEM (RFC 7468): 0, or -1 when there is
 * none. */
int pin_of_certificate(struct str pem, uint8_t pin_r[PIN_SIZE]);
void pin_format(const uint8_t pin[PIN_SIZE], struct buf *out);

#endif
