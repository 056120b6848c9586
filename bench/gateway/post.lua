-- wrk: one 4 KB chat call, again and again. Environment: KEY, EXTRA ("Name: value" lines joined by "|"), PACE_MS.
local words = {}
for i = 1, 560 do words[i] = ({"meter", "water", "token", "count", "paper", "stone"})[i % 6 + 1] .. (i % 10) end
local content = table.concat(words, " "):sub(1, 3800)
wrk.method = "POST"
wrk.body = '{"model":"' .. (os.getenv("MODEL") or "bench") .. '","max_tokens":64,"messages":[{"role":"system","content":"You are brief."},{"role":"user","content":"' .. content .. '"}]}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. (os.getenv("KEY") or "none")
for name, value in (os.getenv("EXTRA") or ""):gmatch("([^:|]+): ([^|]+)") do wrk.headers[name] = value end

local pace = tonumber(os.getenv("PACE_MS") or "0")
if pace > 0 then
  function delay() return math.random() * 2 * pace end
end


function done(summary, latency)
  io.write(string.format('RESULT {"requests":%d,"us":%d,"errors":%d,"p50_us":%d,"p99_us":%d}\n', summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
