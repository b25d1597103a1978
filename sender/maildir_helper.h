/* SPDX-License-Identifier: ISC */
/*
 * The process that writes maildirs.  It reads queue files through the
 * descriptors that it is sent and keeps none of the worker's.
 */
#ifndef SENDER_MAILDIR_HELPER_H
#define SENDER_MAILDIR_HELPER_H

/* For channel_helper(): carry out orders (maildir_order.h) until the worker is
 * gone.  `rootfd` points to the directory for relative paths.  All orders that wait are one batch, flushed together. */
void maildir_helper_main(int channel, void *rootfd);

#endif
