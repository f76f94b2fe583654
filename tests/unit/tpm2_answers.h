/* SPDX-License-Identifier: MIT */
/*
 * What swtpm answered once, in hex: to a key of evetpm's table, and of the quote, its signatures
 * and the certificate of a key, what tpm2_quote and tpm2_certify wrote and tpm2_checkquote found
 * good.
 */
#ifndef TESTS_UNIT_TPM2_ANSWERS_H
#define TESTS_UNIT_TPM2_ANSWERS_H

#include "tests/unit/unit.h"

#include <stdlib.h>

/* GetRandom of 32 bytes */
#define ANSWER_RANDOM                                                                              \
    "80010000002c0000000000200325a6442d7976f3efffba334f5d2fff210b0639d8277f75daabc8e2"             \
    "8c2c364c"

/* PCR_Read of sha256:23 */
#define ANSWER_PCR_READ                                                                            \
    "80010000003e000000000000001400000001000b030000800000000100200b0ea3a4088eb2d4b876"             \
    "e93a7ce1179364b7546e02ec9f3f3e009f05d362aad6"

/* PCR_Read of sha256:all, of which it brings eight */
#define ANSWER_PCR_READ_ALL                                                                        \
    "80010000012c000000000000001400000001000b03ff000000000008002000000000000000000000"             \
    "00000000000000000000000000000000000000000000002000000000000000000000000000000000"             \
    "00000000000000000000000000000000002000000000000000000000000000000000000000000000"             \
    "00000000000000000000002000000000000000000000000000000000000000000000000000000000"             \
    "00000000002000000000000000000000000000000000000000000000000000000000000000000020"             \
    "00000000000000000000000000000000000000000000000000000000000000000020000000000000"             \
    "00000000000000000000000000000000000000000000000000000020000000000000000000000000"             \
    "0000000000000000000000000000000000000000"

/* PCR_Read of sha1:all, a bank that is not in use */
#define ANSWER_PCR_READ_SHA1 "80010000001c00000000000000140000000100040300000000000000"

/* StartAuthSession */
#define ANSWER_SESSION "80010000002000000000030000000010398646058784c540917468e41f00d8f6"

/* Load */
#define ANSWER_LOAD                                                                                \
    "80020000003b0000000080000001000000240022000b7db7498b8283978027e47bbf4c34a0a15698"             \
    "068540f2eddf1adfc6940c9227780000010000"

/* ActivateCredential */
#define ANSWER_ACTIVATE                                                                            \
    "80020000003000000000000000080006736563726574000001000000101e574ea64c9d167e8b3451"             \
    "f0781191c9010000"

/* Certify */
#define ANSWER_CERTIFY                                                                             \
    "8002000001ad0000000000000195008dff54434780170022000bf09a64b65c987ca417003e15a3df"             \
    "38c76f1afe910cc3191ebfcb447a66d8719400000000000000000b0b8acecd28ab31489f01d53ba2"             \
    "0ab0f018e10022000bfa9d938d7390a7b575f407926557d88702cbb0c048a6ddecbdca6bb9d02dea"             \
    "5e0022000b0137aef5f1c4f85ce52b7417cfdef79d0f15c8b67b9523c4565bebf139c25fa8001400"             \
    "0b010044269904d4f49e2cb149f017577c608875017d58931e178464871fa43558a01e98140ea027"             \
    "2c566acdb338016b38d0a96ad8baa7c7e1efff083f977ddf10c495fdef3f0374093830ca694565bc"             \
    "b7d23ed47429f17d7963add23acaab3e33d0d925d29aa456f842dbeb4960ced9743ad009145a2998"             \
    "99231388149ba7851f8597e0ba309b9564f33cd78479c8bd4ccf1a97d76af4f274055bac0712eb12"             \
    "11a58497f8c45ec2f3689ff78baea07cd5b0fc71c8000e4796ea16ac3c293a9d8554319f1e47a289"             \
    "440fbda60a1c0f6849cc3105722abd75873d7602e3012458fe959c3b744c1889250a29035182c6f5"             \
    "17682260a6809384b122da6fca4d00296d850900000100000000010000"

/* PCR_Extend */
#define ANSWER_EXTEND "80020000001300000000000000000000010000"

/* The TPMT_PUBLIC of the AIK */
#define AIK_PUBLIC                                                                                 \
    "0001000b00050472000000100014000b0800000000000100a42712eb259712d89c5d736d811242cb"             \
    "2ad3a434cebf17146d3e93b086d8fcd0cfcccc897942761f8997f9608a3c3600e45473cea5429ba5"             \
    "1ee3e6983887938aeeece3758b1387ef82ebbd09c5a2e0909d6167f42f3580de0a7d18e14608f594"             \
    "9586fca414b13e12e6876ea5b4c5647a6bf18ef0e5cfd45cc8253e5f5098af4c463c44644d86bc07"             \
    "4698ae9cd8f682f750611e3d8407fd3dafd47d185e97c8d12658b3bcb50ff9c8e57c923f00f5c922"             \
    "dc2e277547f3fa31e5b4ca06cdfffd4a1cf5940bc0a7c890155f9f73955ca520faace84842aeb62e"             \
    "c9e040d144888330f65836c08c5c4628a5261aecc036468d3f59b09e924dc25df77a7f82e6404fd1"

/* A quote of sha256:0,7,23 by the AIK */
#define QUOTE_ATTEST                                                                               \
    "ff54434780180022000bf09a64b65c987ca417003e15a3df38c76f1afe910cc3191ebfcb447a66d8"             \
    "7194001000112233445566778899aabbccddeeff00000000000009ce8acecd2bab31489f00d53ba2"             \
    "0ab0f018e100000001000b038100800020b796eaa01abb402ba3aed83c8f5faec77cf55f1d47a19f"             \
    "c3c2d46d2b2afb52da"

#define QUOTE_SIGNATURE                                                                            \
    "0014000b01009327add9ea97a3e3b35132c414830aa3b0e2da163afa18508a135bf7e2086c9a3829"             \
    "addc1d9702d5cd319a78f9b5a80779593fc89aa153fb55868041b9a3659f27428403128278b15e37"             \
    "8cbbe0e93897fa5c7197447d428e5c4650782347307c28c90cd71e2a33b61d797c64a368f686318f"             \
    "9f9165c8ab5bc56cff24801b76ee3ffc5c54c206db4cf30d1d3469930d4bd742b1c418e2fe173a70"             \
    "a32e25814156fb959cda9ad756015cf2fb4553ad443456438c68f5cceb601ea9e9bf20462b733682"             \
    "1869a892881ef8acac673d319aba6a82e154f5c46b0081f47c9e33cb24d10df916d0acade2f30a56"             \
    "b48e135eca82d0db38614bfe1a8767100f90a73e9ac6"

/* Of such a quote by the quote key */
#define ECC_SIGNATURE                                                                              \
    "0018000b002005b70a072ac8955e8749e769c000ebc86a1d6ca181e597eb0d24cd98876ab2ce0020"             \
    "8882588725ba194628f30a390e83109364901155aadc286564b9ecb483ecb903"

/* The ECDH key, certified by the AIK */
#define CERTIFY_ATTEST                                                                             \
    "ff54434780170022000bf09a64b65c987ca417003e15a3df38c76f1afe910cc3191ebfcb447a66d8"             \
    "7194000400ff55aa0000000000000a498acecd2bab31489f00d53ba20ab0f018e10022000bfa9d93"             \
    "8d7390a7b575f407926557d88702cbb0c048a6ddecbdca6bb9d02dea5e0022000b0137aef5f1c4f8"             \
    "5ce52b7417cfdef79d0f15c8b67b9523c4565bebf139c25fa8"

struct octets {
    size_t n;
    uint8_t *at; /* memory of n bytes, none more; free() it */
};

static inline struct octets unhex(const char *hex)
{
    struct octets o = {strlen(hex) / 2, NULL};

    o.at = malloc(o.n != 0 ? o.n : 1);
    assert_non_null(o.at);
    for (size_t i = 0; i < o.n; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1]};
        o.at[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return o;
}

/* The first n of them, in memory of their own. */
static inline struct octets cut(struct octets of, size_t n)
{
    struct octets o = {n, malloc(n != 0 ? n : 1)};

    assert_non_null(o.at);
    memcpy(o.at, of.at, n);
    return o;
}

#endif
