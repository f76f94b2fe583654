/* SPDX-License-Identifier: MIT */
/*
 * The errors of mote: one enum of negative ints. A function that can fail
 * returns a value >= 0 or one of these. Input from the host or from a device
 * never asserts; what it did wrong comes back as one of these.
 */
#ifndef PLATFORM_ERROR_H
#define PLATFORM_ERROR_H

enum mote_error {
    MOTE_OK = 0,
    MOTE_ERR_AGAIN = -1,         /* not now: call again after the next event */
    MOTE_ERR_INVALID = -2,       /* an argument is outside its documented range */
    MOTE_ERR_NO_ROOM = -3,       /* a fixed buffer or table is full */
    MOTE_ERR_NOT_FOUND = -4,     /* no such device, name, port or key */
    MOTE_ERR_ALREADY_BOUND = -5, /* the port has a listener already */
    MOTE_ERR_NO_RESOURCES = -6,  /* no free connection slot or ephemeral port */
    MOTE_ERR_REFUSED = -7,       /* the peer answered a connect with RST */
    MOTE_ERR_RESET = -8,         /* the peer or the transport reset the connection */
    MOTE_ERR_TIMEOUT = -9,       /* a deadline passed without an answer */
    MOTE_ERR_BROKEN = -10,       /* the device broke its specification; it is not used any more */
    MOTE_ERR_UNSUPPORTED = -11,  /* the device or machine lacks what is needed */
    MOTE_ERR_NO_ENTROPY = -12,   /* no source of entropy: no key may be made */
    MOTE_ERR_TOO_LARGE = -13,    /* larger than the limit that the contract names */
    MOTE_ERR_IO = -14,           /* the system refused; the fault says why */
};

#endif
