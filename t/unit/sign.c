/*
 * A filter for t/sigv4_test.py: reads requests as FIELDS strings each and
 * writes, for each, the signed head as one string.
 */

#include "frame.h"

#include "aws/mp_request.h"


enum {
    TIME = 0,
    REGION,
    SERVICE,
    ACCESS_KEY,
    SECRET_KEY,
    SESSION_TOKEN,
    HOST,
    CONTENT_TYPE,
    TARGET,
    BODY,
    FIELDS
};


int
main(void)
{
    mp_str_t              field[FIELDS], head;
    mp_scope_t            scope;
    unsigned char        *data;
    mp_signing_key_t      key;
    mp_signed_request_t   request;

    while (frame_read_all(field, FIELDS)) {

        scope.region = field[REGION];
        scope.service = field[SERVICE];

        mp_amz_date(request.date, frame_number(field[TIME]));
        request.host = field[HOST];
        request.content_type = field[CONTENT_TYPE];
        request.target = field[TARGET];
        request.session_token = field[SESSION_TOKEN];
        request.body = field[BODY];

        mp_signing_key(&key, request.date, field[SECRET_KEY], &scope);

        head.len = mp_request_head_len(&request, &scope, field[ACCESS_KEY]);
        head.data = data = malloc(head.len);

        if (data == NULL
            || mp_request_head(data, &request, &scope, field[ACCESS_KEY],
                               &key)
               != data + head.len)
        {
            return EXIT_FAILURE;
        }

        frame_write(head);
        frame_free(&head, 1);
        frame_free(field, FIELDS);
    }

    return EXIT_SUCCESS;
}
