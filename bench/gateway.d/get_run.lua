-- The wrk script of bench/gateway: each request is one tools/call of get_run. Arguments: the token and the run's id.
-- Writes the figures to standard error as one line of JSON.
local answers = 0

function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Accept"] = "application/json, text/event-stream"
  wrk.headers["MCP-Protocol-Version"] = "2025-11-25"
  wrk.headers["Authorization"] = "Bearer " .. args[1]
  wrk.body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_run","arguments":{"run_id":"' .. args[2] .. '"}}}'
end

-- Ends the benchmark at the first answer that is not the successful run: errors are quick to give and would distort
-- the figures.
function response(status, headers, body)
  if status ~= 200 or not body:find('"structuredContent"', 1, true) or not body:find('"status":"success"', 1, true) then
    io.stderr:write(status, " ", body:sub(1, 300), "\n")
    os.exit(1)
  end
end

function done(summary, latency, requests)
  io.stderr:write(string.format('{"requests": %d, "micros": %d, "p50": %d, "p99": %d, "errors": %d}\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout + summary.errors.status))
end
