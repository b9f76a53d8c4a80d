-- wrk's load: registrations of 1,024 different tokens of 300 characters.

local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
local bodies = {}

math.randomseed(1)

for i = 1, 1024 do
    local token = {}

    for j = 1, 294 do
        local k = math.random(#alphabet)
        token[j] = alphabet:sub(k, k)
    end

    bodies[i] = "x-amzn-marketplace-token=" .. table.concat(token)
                .. "%2B%2F%3D%2B%2F%3D"
end

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"

local n = 0

function request()
    n = n % #bodies + 1
    return wrk.format(nil, nil, nil, bodies[n])
end
