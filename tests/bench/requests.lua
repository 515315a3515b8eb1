-- For wrk: send ready-made requests, each once, and say at the end what came of them as one line of JSON.
--   wrk … -s requests.lua URL -- FILE (once|again)
-- FILE holds whole HTTP requests with a NUL between them. "once" stops when they are used up and says `dry`:
-- a proof that is sent twice would be refused, and a refusal is not what we measure. "again" begins anew.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  ready, place, dry = {}, 0, 0
  again = args[2] == "again"
  for one in file:read("*a"):gmatch("[^%z]+") do
    ready[#ready + 1] = one
  end
  file:close()
end

function request()
  if place == #ready then
    if again then
      place = 0
    else
      dry = 1
      wrk.thread:stop()
      return ready[place]
    end
  end
  place = place + 1
  return ready[place]
end

function done(summary, latency, requests)
  local errors = summary.errors
  local ran_dry = 0
  for _, thread in ipairs(threads) do
    ran_dry = ran_dry + thread:get("dry")
  end
  io.write(string.format(
    '\n{"answers":%d,"microseconds":%d,"p50":%d,"p99":%d,"not_ok":%d,"broken":%d,"dry":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, ran_dry))
end
