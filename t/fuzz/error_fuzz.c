/*
 * Errors of AWS.  The input is the value of x-amzn-ErrorType, a secret, each
 * with a line end, and the reply's body: what is made of it can be printed,
 * says nothing of the secret, and changes in nothing else because of it.
 * Then the input is what an error is made of, as JSON and as XML.
 */

#include "fuzz.h"

#include "aws/mp_sts.h"


static void it_can_be_printed(const mp_aws_error_t *error);
static void the_secret_is_hidden(const mp_aws_error_t *error,
    const mp_aws_error_t *plain, mp_str_t secret);
static void is_hidden(const mp_aws_error_t *error, size_t from, size_t to);
static int is_known(const mp_aws_error_t *error);
static void it_means_something(const mp_aws_error_t *error);
static void a_name_comes_back(mp_str_t input);
static void a_secret_is_hidden(mp_str_t input);
static mp_str_t take_word(mp_str_t *input);
static mp_str_t name_of(const mp_aws_error_t *error);
static mp_str_t message_of(const mp_aws_error_t *error);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mp_str_t        type, secret, body;
    mp_aws_error_t  error, plain;

    body = fuzz_str(data, size);
    type = fuzz_copy(fuzz_take_line(&body));
    secret = fuzz_copy(fuzz_take_line(&body));

    mp_aws_error_parse(&plain, body, type, NULL, 0);
    mp_aws_error_parse(&error, body, type, &secret, 1);
    it_can_be_printed(&error);
    the_secret_is_hidden(&error, &plain, secret);
    it_means_something(&error);

    mp_sts_error(&plain, body, NULL, 0);
    mp_sts_error(&error, body, &secret, 1);
    it_can_be_printed(&error);
    the_secret_is_hidden(&error, &plain, secret);
    it_means_something(&error);

    a_name_comes_back(fuzz_str(data, size));
    a_secret_is_hidden(fuzz_str(data, size));

    fuzz_free_all();

    return 0;
}


static mp_str_t
name_of(const mp_aws_error_t *error)
{
    return fuzz_str(error->name, error->name_len);
}


static mp_str_t
message_of(const mp_aws_error_t *error)
{
    return fuzz_str(error->message, error->message_len);
}


static void
it_can_be_printed(const mp_aws_error_t *error)
{
    size_t    i;
    mp_str_t  name, message;

    name = name_of(error);
    message = message_of(error);

    fuzz_hold(name.len <= MP_ERROR_NAME_MAX);
    fuzz_hold(message.len <= MP_ERROR_MESSAGE_MAX);

    for (i = 0; i < name.len; i++) {
        fuzz_hold(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                         "0123456789._-", name.data[i]) && name.data[i]);
    }

    for (i = 0; i < message.len; i++) {
        fuzz_hold(message.data[i] >= ' ' && message.data[i] <= '~');
    }
}


/* Where it was, and only where it may have been, are asterisks.  One with a
 * space in it may be made by what replaces other bytes. */

static void
the_secret_is_hidden(const mp_aws_error_t *error, const mp_aws_error_t *plain,
    mp_str_t secret)
{
    size_t    i;
    mp_str_t  rest;

    fuzz_hold(error->message_len == plain->message_len);

    for (i = 0; i < error->message_len; i++) {
        fuzz_hold(error->message[i] == plain->message[i]
                  || (error->message[i] == '*' && secret.len));

        rest = fuzz_str(plain->message + i, plain->message_len - i);

        if (secret.len && secret.len <= rest.len
            && !memchr(secret.data, ' ', secret.len)
            && !memcmp(secret.data, rest.data, secret.len))
        {
            is_hidden(error, i, i + secret.len);
        }
    }

    if (error->name_len) {
        fuzz_hold(fuzz_eq(name_of(error), name_of(plain)));
    }

    fuzz_hold(secret.len < MP_SECRET_MIN
              || !fuzz_contains(name_of(error), secret)
              || is_known(error));
}


static void
is_hidden(const mp_aws_error_t *error, size_t from, size_t to)
{
    size_t  i;

    for (i = from; i < to && i < error->message_len; i++) {
        fuzz_hold(error->message[i] == '*');
    }
}


/* Whether its name says more than one that nobody uses. */

static int
is_known(const mp_aws_error_t *error)
{
    mp_error_t      meaning, other;
    mp_aws_error_t  unknown;

    mp_aws_error_set(&unknown, mp_str_from("Unheard-of"), mp_str_from(""),
                     NULL, 0);

    meaning = mp_aws_error_classify(error, 418, 0);
    other = mp_aws_error_classify(&unknown, 418, 0);

    return meaning.advice != other.advice;
}


static void
it_means_something(const mp_aws_error_t *error)
{
    size_t      i;
    mp_error_t  meaning;

    static const unsigned  statuses[] = { 301, 400, 403, 429, 500, 503 };

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        meaning = mp_aws_error_classify(error, statuses[i], i % 2);

        fuzz_hold(meaning.name.len != 0);
        fuzz_hold(meaning.status >= 400 && meaning.status <= 504);
        fuzz_hold(meaning.advice && meaning.advice[0]);
        fuzz_hold(mp_sts_advice(error, statuses[i]) != NULL);
        fuzz_hold(!fuzz_has_control(meaning.name));
    }
}


static void
a_name_comes_back(mp_str_t input)
{
    unsigned        style;
    mp_str_t        name, message, type;
    fuzz_text_t     text = { NULL, 0, 0 };
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;

    static const char  *prefixes[] = { "", "com.amazon.coral.service#", "a#" };
    static const char  *suffixes[] = { "", ":http://a/#b", ",c#d" };

    static const char  *formats[][3] = {
        { "{\"__type\":\"", "\",\"code\":\"x\",\"message\":\"", "\"}" },
        { "{\"code\":\"", "\",\"Message\":\"", "\",\"__type\":\"\"}" },
        { "<ErrorResponse><Error><Code>", "</Code><Message>",
          "</Message></Error></ErrorResponse>" }
    };

    style = fuzz_take(&input, 3);

    fuzz_add_chars(&text, prefixes[fuzz_take(&input, 3)]);
    name = take_word(&input);
    fuzz_add(&text, name);
    fuzz_add_chars(&text, suffixes[fuzz_take(&input, 3)]);
    type = fuzz_text(&text);

    message = take_word(&input);

    fuzz_add_chars(&text, formats[style][0]);
    fuzz_add(&text, type);
    fuzz_add_chars(&text, formats[style][1]);
    fuzz_add(&text, message);
    fuzz_add_chars(&text, formats[style][2]);

    if (style == 2) {
        mp_sts_error(&error, fuzz_text(&text), NULL, 0);

    } else {
        mp_aws_error_parse(&error, fuzz_text(&text), none, NULL, 0);
    }

    fuzz_hold(fuzz_eq(name_of(&error), name));
    fuzz_hold(fuzz_eq(message_of(&error), message));

    mp_aws_error_parse(&error, none, type, NULL, 0);
    fuzz_hold(fuzz_eq(name_of(&error), name));
}


/* Also where only its beginning is kept, and where it overlaps itself. */

static void
a_secret_is_hidden(mp_str_t input)
{
    size_t          at, i;
    mp_str_t        secret;
    fuzz_text_t     text = { NULL, 0, 0 };
    mp_aws_error_t  error;

    static const mp_str_t  none = mp_null_str;

    at = fuzz_take(&input, 2) ? MP_ERROR_MESSAGE_MAX - fuzz_take(&input, 99)
                              : 0;
    secret = take_word(&input);

    fuzz_add_chars(&text, "{\"message\":\"");

    for (i = 0; i < at; i++) {
        fuzz_add_byte(&text, ' ');
    }

    fuzz_add(&text, secret);
    fuzz_add(&text, secret);
    fuzz_add_chars(&text, "\"}");

    mp_aws_error_parse(&error, fuzz_text(&text), none, &secret, 1);

    is_hidden(&error, at, at + 2 * secret.len);
}


/* Letters, digits and such, one for each byte, and one more. */

static mp_str_t
take_word(mp_str_t *input)
{
    size_t       i;
    mp_str_t     text;
    fuzz_text_t  word = { NULL, 0, 0 };

    static const char  letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._";

    text = fuzz_take_text(input, MP_ERROR_NAME_MAX - 1);
    fuzz_add_byte(&word, 'N');

    for (i = 0; i < text.len; i++) {
        fuzz_add_byte(&word, (unsigned) letters[text.data[i] % 64]);
    }

    return fuzz_text(&word);
}
