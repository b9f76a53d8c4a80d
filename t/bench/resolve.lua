-- What the module does for a form, as well as a program in Lua does it: one
-- subrequest, signed with SigV4 by OpenSSL's own functions, whose connection
-- nginx keeps.  The signing key is derived once a day.

local ffi = require "ffi"
local cjson = require "cjson.safe"

local C = ffi.C

ffi.cdef [[
unsigned char *SHA256(const unsigned char *data, size_t len,
    unsigned char *digest);
const void *EVP_sha256(void);
unsigned char *HMAC(const void *md, const void *key, int key_len,
    const unsigned char *data, size_t len, unsigned char *digest,
    unsigned int *digest_len);
unsigned char *ngx_hex_dump(unsigned char *dst, const unsigned char *src,
    size_t len);
]]

local ACCESS_KEY = "AKIDEXAMPLE"
local SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
local REGION = "us-east-1"
local SERVICE = "aws-marketplace"
local SIGNED_HEADERS = "content-type;host;x-amz-date;x-amz-target"

local digest = ffi.new("unsigned char[32]")
local digits = ffi.new("unsigned char[64]")
local sha256 = C.EVP_sha256()

local function hex()
    C.ngx_hex_dump(digits, digest, 32)
    return ffi.string(digits, 64)
end

local function hash(text)
    C.SHA256(text, #text, digest)
    return hex()
end

local function hmac(key, text)
    C.HMAC(sha256, key, #key, text, #text, digest, nil)
end

local function derive(day)
    local key = "AWS4" .. SECRET_KEY

    for _, part in ipairs({day, REGION, SERVICE, "aws4_request"}) do
        hmac(key, part)
        key = ffi.string(digest, 32)
    end

    return key
end

local key_day, key

local function sign(body)
    local date = os.date("!%Y%m%dT%H%M%SZ", ngx.time())
    local day = date:sub(1, 8)

    if day ~= key_day then
        key, key_day = derive(day), day
    end

    local scope = day .. "/" .. REGION .. "/" .. SERVICE .. "/aws4_request"

    local canonical = "POST\n/\n\ncontent-type:application/x-amz-json-1.1\n"
        .. "host:metering.marketplace." .. REGION .. ".amazonaws.com\n"
        .. "x-amz-date:" .. date .. "\n"
        .. "x-amz-target:AWSMPMeteringService.ResolveCustomer\n\n"
        .. SIGNED_HEADERS .. "\n" .. hash(body)

    hmac(key, "AWS4-HMAC-SHA256\n" .. date .. "\n" .. scope .. "\n"
              .. hash(canonical))

    return {
        amz_date = date,
        amz_authorization = "AWS4-HMAC-SHA256 Credential=" .. ACCESS_KEY
            .. "/" .. scope .. ", SignedHeaders=" .. SIGNED_HEADERS
            .. ", Signature=" .. hex()
    }
end

local HEADERS = {
    CustomerAWSAccountId = "X-Marketplace-Customer-AWS-Account-Id",
    CustomerIdentifier = "X-Marketplace-Customer-Identifier",
    LicenseArn = "X-Marketplace-License-Arn",
    ProductCode = "X-Marketplace-Product-Code"
}

local function resolve()
    ngx.req.read_body()

    local token = ngx.req.get_post_args()["x-amzn-marketplace-token"]

    if type(token) ~= "string" or token == "" then
        return ngx.exit(400)
    end

    local body = cjson.encode({RegistrationToken = token})

    local reply = ngx.location.capture("/metering", {
        method = ngx.HTTP_POST, body = body, vars = sign(body)
    })

    local customer = reply.status == 200 and cjson.decode(reply.body)

    if not customer then
        return ngx.exit(502)
    end

    for member, header in pairs(HEADERS) do
        ngx.req.set_header(header, customer[member])
    end
end

return {resolve = resolve}
