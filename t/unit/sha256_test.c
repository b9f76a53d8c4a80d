#include "unit.h"

#include "aws/mp_sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>


static mp_str_t
sha256(const mp_str_t *parts, size_t n)
{
    size_t         i;
    SHA256_CTX     sha;
    unsigned char  hex[MP_SHA256_HEX_LEN];

    SHA256_Init(&sha);

    for (i = 0; i < n; i++) {
        mp_sha256_add(&sha, unit_copy(parts[i]));
    }

    mp_sha256_hex(&sha, hex);

    return unit_bytes(hex, sizeof(hex));
}


static mp_str_t
hmac(mp_str_t key, mp_str_t text)
{
    mp_hmac_t      prepared;
    unsigned char  code[MP_SHA256_LEN], hex[MP_SHA256_HEX_LEN];

    mp_hmac_key(&prepared, unit_copy(key));
    mp_hmac(&prepared, unit_copy(text), code);

    assert_ptr_equal(mp_hex(hex, code, sizeof(code)), hex + sizeof(hex));

    return unit_bytes(hex, sizeof(hex));
}


/* FIPS 180-4 */

static void
sha256_has_its_known_answers(void **state)
{
    static const mp_str_t  empty = mp_str("");
    static const mp_str_t  abc = mp_str("abc");
    static const mp_str_t  blocks = mp_str(
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");

    check_str("empty", sha256(&empty, 1),
              STR("e3b0c44298fc1c149afbf4c8996fb924"
                  "27ae41e4649b934ca495991b7852b855"));
    check_str("abc", sha256(&abc, 1),
              STR("ba7816bf8f01cfea414140de5dae2223"
                  "b00361a396177a9cb410ff61f20015ad"));
    check_str("two blocks", sha256(&blocks, 1),
              STR("248d6a61d20638b8e5c026930c3e6039"
                  "a33ce45964ff2167f6ecedd419db06c1"));
}


static void
sha256_is_of_all_that_was_added(void **state)
{
    static const mp_str_t  null = mp_null_str;

    mp_str_t  parts[4] = { mp_str("a"), mp_str("b"), null, mp_str("c") };

    check_str("parts", sha256(parts, 4), sha256(&STR("abc"), 1));
    check_str("none", sha256(parts, 0), sha256(&null, 1));
}


static void
hmac_has_the_answers_of_rfc_4231(void **state)
{
    mp_str_t       counted, key;
    unsigned char  bytes[25], i;

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char) (i + 1);
    }

    counted.data = bytes;
    counted.len = sizeof(bytes);

    check_str("case 1", hmac(unit_fill('\x0b', 20), STR("Hi There")),
              STR("b0344c61d8db38535ca8afceaf0bf12b"
                  "881dc200c9833da726e9376c2e32cff7"));

    check_str("case 2", hmac(STR("Jefe"), STR("what do ya want for nothing?")),
              STR("5bdcc146bf60754e6a042426089575c7"
                  "5a003f089d2739839dec58b964ec3843"));

    check_str("case 3", hmac(unit_fill('\xaa', 20), unit_fill('\xdd', 50)),
              STR("773ea91e36800e46854db8ebd09181a7"
                  "2959098b3ef8c122d9635514ced565fe"));

    check_str("case 4", hmac(counted, unit_fill('\xcd', 50)),
              STR("82558a389a443c0ea4cc819899f2083a"
                  "85f0faa3e578f8077a2e3ff46729665b"));

    key = hmac(unit_fill('\x0c', 20), STR("Test With Truncation"));
    key.len = 32;
    check_str("case 5", key, STR("a3b6167473100ee06e0c796c2955552b"));

    check_str("case 6", hmac(unit_fill('\xaa', 131),
                             STR("Test Using Larger Than Block-Size Key - "
                                 "Hash Key First")),
              STR("60e431591ee0b67f0d8a26aacbf5b77f"
                  "8e0bc6213728c5140546040f0ee37f54"));

    check_str("case 7", hmac(unit_fill('\xaa', 131),
                             STR("This is a test using a larger than "
                                 "block-size key and a larger than "
                                 "block-size data. The key needs to be "
                                 "hashed before being used by the HMAC "
                                 "algorithm.")),
              STR("9b09ffa71b942fcb27635fbcd5b0e944"
                  "bfdc63644f0713938a7f51535c3a35e2"));
}


static void
hmac_takes_keys_of_any_length(void **state)
{
    size_t         len, i;
    mp_hmac_t      prepared;
    unsigned char  key[200], want[MP_SHA256_LEN], code[MP_SHA256_LEN];

    for (i = 0; i < sizeof(key); i++) {
        key[i] = (unsigned char) (i * 7 + 1);
    }

    for (len = 0; len <= sizeof(key); len++) {
        HMAC(EVP_sha256(), key, (int) len, (const unsigned char *) "text", 4,
             want, NULL);

        mp_hmac_key(&prepared, unit_bytes(key, len));
        mp_hmac(&prepared, STR("text"), code);

        assert_memory_equal(code, want, sizeof(code));
    }
}


static void
a_prepared_key_can_be_used_again(void **state)
{
    mp_hmac_t      prepared;
    unsigned char  first[MP_SHA256_LEN], again[MP_SHA256_LEN];

    static const mp_str_t  null = mp_null_str;

    mp_hmac_key(&prepared, STR("key"));

    mp_hmac(&prepared, STR("text"), first);
    mp_hmac(&prepared, null, again);
    assert_memory_not_equal(first, again, sizeof(first));

    mp_hmac(&prepared, STR("text"), again);
    assert_memory_equal(first, again, sizeof(first));
}


static void
hex_has_two_lower_case_digits_a_byte(void **state)
{
    unsigned char  hex[] = "........";

    assert_ptr_equal(mp_hex(hex, (const unsigned char *) "\x00\x0f\xa9", 3),
                     hex + 6);
    assert_string_equal((char *) hex, "000fa9..");
    assert_ptr_equal(mp_hex(hex, NULL, 0), hex);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(sha256_has_its_known_answers),
        cmocka_unit_test(sha256_is_of_all_that_was_added),
        cmocka_unit_test(hmac_has_the_answers_of_rfc_4231),
        cmocka_unit_test(hmac_takes_keys_of_any_length),
        cmocka_unit_test(a_prepared_key_can_be_used_again),
        cmocka_unit_test(hex_has_two_lower_case_digits_a_byte)
    };

    return cmocka_run_group_tests(tests, NULL, unit_release);
}
