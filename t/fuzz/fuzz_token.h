/*
 * What the targets of the token's parsers share: the rules of mp_token.h,
 * held against fields that are known from elsewhere.
 */

#ifndef FUZZ_TOKEN_H
#define FUZZ_TOKEN_H


#include "fuzz.h"

#include "token/mp_token.h"


#define FUZZ_TOKEN       "x-amzn-marketplace-token"
#define FUZZ_TOKEN_MAX   40

#define fuzz_fault(rc)   (1u << (rc))


/* The fields as they should be found, and all that is wrong with them: which
 * of several faults is reported first is left to the parser. */
typedef struct {
    mp_str_t   token;
    mp_str_t   offer_type;
    unsigned   tokens;
    unsigned   offer_types;
    unsigned   faults;
} fuzz_fields_t;


static const mp_registration_t  fuzz_untouched = {
    mp_str("untouched"), mp_str("untouched")
};


static inline mp_token_rule_t
fuzz_rule(void)
{
    mp_token_rule_t  rule;

    static const mp_str_t  field = mp_str(FUZZ_TOKEN);

    rule.field = field;
    rule.max_len = FUZZ_TOKEN_MAX;
    rule.pool.alloc = fuzz_pool_alloc;
    rule.pool.pool = NULL;

    return rule;
}


static inline void
fuzz_fields_add(fuzz_fields_t *fields, mp_str_t name, mp_str_t value)
{
    int        offer;
    size_t     max;
    mp_str_t  *field;
    unsigned  *seen;

    offer = fuzz_eq(name, mp_str_from(MP_OFFER_TYPE_FIELD));

    if (!offer && !fuzz_eq(name, mp_str_from(FUZZ_TOKEN))) {
        return;
    }

    field = offer ? &fields->offer_type : &fields->token;
    seen = offer ? &fields->offer_types : &fields->tokens;
    max = offer ? MP_OFFER_TYPE_MAX : FUZZ_TOKEN_MAX;

    if (*seen && !fuzz_eq(*field, value)) {
        fields->faults |= fuzz_fault(MP_TOKEN_INVALID);
    }

    if (value.len > max) {
        fields->faults |= fuzz_fault(MP_TOKEN_TOO_LARGE);
    }

    if (!fuzz_is_utf8(value) || (offer && fuzz_has_control(value))) {
        fields->faults |= fuzz_fault(MP_TOKEN_INVALID);
    }

    if (!(*seen)++) {
        *field = value;
    }
}


static inline void
fuzz_fields_hold(const fuzz_fields_t *fields, mp_token_rc_t rc,
    const mp_registration_t *registration)
{
    unsigned  faults;

    faults = fields->faults;

    if (fields->token.len == 0) {
        faults |= fuzz_fault(MP_TOKEN_MISSING);
    }

    if (faults) {
        fuzz_hold(faults & fuzz_fault(rc));
        fuzz_hold(registration->token.data == fuzz_untouched.token.data);
        fuzz_hold(registration->offer_type.data
                  == fuzz_untouched.offer_type.data);
        return;
    }

    fuzz_hold(rc == MP_TOKEN_OK);
    fuzz_hold(fuzz_eq(registration->token, fields->token));
    fuzz_hold(fuzz_eq(registration->offer_type, fields->offer_type));
}


/* What both say is the same. */

static inline void
fuzz_same_registration(mp_token_rc_t rc, const mp_registration_t *a,
    mp_token_rc_t other, const mp_registration_t *b)
{
    fuzz_hold(rc == other);

    if (rc == MP_TOKEN_OK) {
        fuzz_hold(fuzz_eq(a->token, b->token));
        fuzz_hold(fuzz_eq(a->offer_type, b->offer_type));
    }
}


/* A name for a field: one of the two that count, one that is nearly it, or
 * bytes of the input. */

static inline mp_str_t
fuzz_take_name(mp_str_t *input)
{
    static const mp_str_t  names[] = {
        mp_str(FUZZ_TOKEN),
        mp_str(FUZZ_TOKEN),
        mp_str(MP_OFFER_TYPE_FIELD),
        mp_str(FUZZ_TOKEN "s"),
        mp_str("X-AMZN-MARKETPLACE-TOKEN"),
        mp_str("a")
    };

    return names[fuzz_take(input, sizeof(names) / sizeof(names[0]))];
}


static inline mp_token_rc_t
fuzz_read_body(mp_registration_t *registration, const char *content_type,
    mp_str_t body)
{
    mp_token_rule_t  rule;

    rule = fuzz_rule();
    *registration = fuzz_untouched;

    return mp_token_from_body(registration, &rule, mp_str_from(content_type),
                              body);
}


#endif /* FUZZ_TOKEN_H */
