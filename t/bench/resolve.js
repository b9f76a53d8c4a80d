/*
 * What the module does for a form, as well as a program in njs does it: one
 * subrequest, signed with SigV4, whose connection nginx keeps.  Debian's njs
 * has nothing that outlives a request, so the day's key is derived for each.
 */

import crypto from 'crypto';
import querystring from 'querystring';

const ACCESS_KEY = 'AKIDEXAMPLE';
const SECRET_KEY = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const REGION = 'us-east-1';
const SERVICE = 'aws-marketplace';
const SIGNED_HEADERS = 'content-type;host;x-amz-date;x-amz-target';

function hash(text) {
    return crypto.createHash('sha256').update(text).digest('hex');
}

function hmac(key, text) {
    return crypto.createHmac('sha256', key).update(text);
}

function signing_key(day) {
    let key = hmac('AWS4' + SECRET_KEY, day).digest();
    key = hmac(key, REGION).digest();
    key = hmac(key, SERVICE).digest();
    return hmac(key, 'aws4_request').digest();
}

function sign(variables, body) {
    const date = new Date().toISOString().substring(0, 19)
                           .replace(/[-:]/g, '') + 'Z';
    const day = date.substring(0, 8);
    const scope = day + '/' + REGION + '/' + SERVICE + '/aws4_request';

    const canonical = 'POST\n/\n\n'
        + 'content-type:application/x-amz-json-1.1\n'
        + 'host:metering.marketplace.' + REGION + '.amazonaws.com\n'
        + 'x-amz-date:' + date + '\n'
        + 'x-amz-target:AWSMPMeteringService.ResolveCustomer\n\n'
        + SIGNED_HEADERS + '\n' + hash(body);

    const signature = hmac(signing_key(day), 'AWS4-HMAC-SHA256\n' + date + '\n'
                           + scope + '\n' + hash(canonical)).digest('hex');

    variables.amz_date = date;
    variables.amz_authorization = 'AWS4-HMAC-SHA256 Credential=' + ACCESS_KEY
        + '/' + scope + ', SignedHeaders=' + SIGNED_HEADERS
        + ', Signature=' + signature;
}

async function resolve(r) {
    const form = querystring.parse(r.requestText);
    const token = form['x-amzn-marketplace-token'];

    if (typeof token != 'string' || token == '') {
        r.return(400);
        return;
    }

    const body = JSON.stringify({RegistrationToken: token});
    const variables = r.variables;

    sign(variables, body);

    const reply = await r.subrequest('/metering',
                                     {method: 'POST', body: body});

    if (reply.status != 200) {
        r.return(502);
        return;
    }

    const customer = JSON.parse(reply.responseText);

    variables.customer_aws_account_id = customer.CustomerAWSAccountId || '';
    variables.customer_identifier = customer.CustomerIdentifier || '';
    variables.license_arn = customer.LicenseArn || '';
    variables.product_code = customer.ProductCode || '';

    r.internalRedirect('@application');
}

export default {resolve};
