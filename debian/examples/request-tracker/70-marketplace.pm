# Who nginx says it is, is logged in, and is made a user if he is new; all
# others have a password.

Set($WebRemoteUserAuth, 1);
Set($WebRemoteUserContinuous, 1);
Set($WebRemoteUserAutocreate, 1);
Set($UserAutocreateDefaultsOnLogin, { Privileged => 0 });
Set($WebFallbackToRTLogin, 1);
Set($LogoutURL, '/logout');

# The addresses that buyers and staff know.

Set($WebDomain, 'app.example.com');
Set($WebPort, 443);
Set($WebBaseURL, 'https://app.example.com');
Set($WebPath, '');
Set(@ReferrerWhitelist, 'staff.example.com:443');

1;
