-- wrk's load.  Arguments say what is sent:
--
--     bodies SIZE         forms of so many bytes, mostly one long field
--     fields SIZE         the same, of short fields with escapes
--     tokens SIZE         tokens of so many characters, in a form of their own
--     all FIRST LAST      numbered tokens, one after the other, each once
--     any FIRST LAST      numbered tokens in random order, for ever

local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

local KEEP = 16 * 1024 * 1024    -- bytes of requests that are made beforehand
local TOKEN = 300

local next_request

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"

math.randomseed(1)

local function random_text(size)
    local text = {}

    for i = 1, size do
        local k = math.random(#alphabet)
        text[i] = alphabet:sub(k, k)
    end

    return table.concat(text)
end

local function form(token)
    return "x-amzn-marketplace-token=" .. token
end

local function padded(body, piece, size)
    local missing = size - #body

    return body .. piece:rep(math.floor(missing / #piece))
           .. ("x"):rep(missing % #piece)
end

-- Different requests in turn, fewer of them where they are large.

local function in_turn(size, make_body)
    local requests = {}
    local n = 0

    for i = 1, math.max(8, math.min(1024, math.floor(KEEP / size))) do
        requests[i] = wrk.format(nil, nil, nil, make_body())
    end

    return function()
        n = n % #requests + 1
        return requests[n]
    end
end

-- All of a request is the same but the number at the end of its token.

local function numbered(next_number)
    local same = wrk.format(nil, nil, nil, form(random_text(TOKEN)))

    same = same:sub(1, -10)

    return function()
        return same .. string.format("%09d", next_number())
    end
end

local loads = {
    bodies = function(size)
        return in_turn(size, function()
            local body = form(random_text(TOKEN)) .. "&padding="
            return padded(body, "x", size)
        end)
    end,

    fields = function(size)
        return in_turn(size, function()
            return padded(form(random_text(TOKEN)), "&f=%41b+c", size)
        end)
    end,

    tokens = function(size)
        return in_turn(size, function()
            return form(random_text(size))
        end)
    end,

    all = function(first, last)
        local n = first - 1

        return numbered(function()
            n = math.min(n + 1, last)
            return n
        end)
    end,

    any = function(first, last)
        local next_one = numbered(function()
            return math.random(first, last)
        end)

        -- the tokens are the same every time, their order is not
        math.randomseed(os.time())

        return next_one
    end,
}

function init(args)
    next_request = loads[args[1]](tonumber(args[2]), tonumber(args[3]))
end

function request()
    return next_request()
end
