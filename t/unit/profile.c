/*
 * A filter for t/profile_test.py: reads FIELDS strings each, the texts of the
 * two files and the name of a profile, and writes, for each, the result with
 * the profile that a problem is of, the problem, the base, the three keys, the
 * token file, and MP_PROFILE_ROLES_MAX roles of four strings.
 */

#include "frame.h"

#include "aws/mp_profile.h"


enum {
    CREDENTIALS = 0,
    CONFIG,
    NAME,
    FIELDS
};


static void
write_number(unsigned number)
{
    char  text[sizeof("4294967295")];

    sprintf(text, "%u", number);
    frame_write(mp_str_from(text));
}


static void
write_role(const mp_role_t *role)
{
    frame_write(role->arn);
    frame_write(role->external_id);
    frame_write(role->session_name);
    write_number(role->duration);
}


static void
write_profile(const mp_profile_t *profile)
{
    size_t  i;

    static const char  *bases[] = {
        "keys", "Environment", "EcsContainer", "Ec2InstanceMetadata",
        "web identity"
    };

    frame_write(mp_str_from(bases[profile->base]));
    frame_write(profile->keys.access_key);
    frame_write(profile->keys.secret_key);
    frame_write(profile->keys.session_token);
    frame_write(profile->token_file);

    for (i = 0; i < MP_PROFILE_ROLES_MAX; i++) {
        write_role(&profile->roles[i]);
    }
}


int
main(void)
{
    mp_str_t              field[FIELDS];
    mp_profile_t          profile;
    mp_profile_rc_t       rc;
    mp_profile_problem_t  problem;

    static const mp_profile_t          no_profile;
    static const mp_profile_problem_t  no_problem = { mp_null_str, "" };

    static const char  *names[] = { "ok", "nothing", "invalid" };

    while (frame_read_all(field, FIELDS)) {

        problem = no_problem;

        rc = mp_profile_find(&profile, field[CREDENTIALS], field[CONFIG],
                             field[NAME], &problem);

        frame_write(mp_str_from(names[rc]));
        frame_write(problem.profile);
        frame_write(mp_str_from(problem.problem));
        write_profile(rc == MP_PROFILE_OK ? &profile : &no_profile);

        frame_free(field, FIELDS);
    }

    return EXIT_SUCCESS;
}
