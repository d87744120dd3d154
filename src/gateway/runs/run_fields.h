// Encodes runs as the JSON objects that clients of the gateway receive; docs/gateway.md lists their fields. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "gateway/runs/run_service.h"

namespace modelrun::gateway {

// The largest `output` of run_fields(), in bytes of JSON. It is cut to fit.
inline constexpr std::size_t kMaxPayload = std::size_t{1} << 20U;
// sync_fields() cuts stdout and stderr until all of its fields have at most this many bytes as JSON, because MCP
// clients accept events of 1 MiB, envelope included. It never cuts `outputs`, so large outputs can still exceed the
// limit.
inline constexpr std::size_t kMaxEvent = kMaxPayload - (std::size_t{16} << 10U);

// ISO 8601 in UTC: "2026-04-28T10:00:01.420000+00:00". The fraction is left out when it is zero.
std::string iso_time(Time time);
nlohmann::json time_or_null(const std::optional<Time>& time);
// Null for an empty text, which means that the value is not known.
nlohmann::json or_null(const std::string& text);
// The value of a JSON text; null for an empty one, and for a number that no binary64 holds.
nlohmann::json json_or_null(const std::string& text);
nlohmann::json number_or_null(std::int64_t number);  // null below 1: run numbers count from 1

// The answers of `run` in mode sync, and of get_run. `frame`: the full result if needs_payload(run) is true and it
// could be read, else null; without it the fields hold what status has. `project`: from display_project().
nlohmann::json sync_fields(const api::ModelRun& run, const api::ResultFrame* frame, std::string_view project);
nlohmann::json run_fields(const api::ModelRun& run, const api::ResultFrame* frame, std::string_view project);

// What is kept of the streams of a run that is over, as its answers show them.
struct KeptStream {
  std::string text;
  bool truncated = false;              // a part of the stream is not in `text`
  std::optional<std::uint64_t> total;  // bytes that the model wrote; nullopt: not known
};
struct KeptStreams {
  KeptStream out, err;
};
// `frame`: as for sync_fields().
KeptStreams kept_streams(const api::ModelRun& run, const api::ResultFrame* frame);

// The answers of `run` in mode async, of list_runs (one entry), and of cancel_run.
nlohmann::json async_fields(const RunSummary& run, std::string_view project);
nlohmann::json list_entry(const RunSummary& run);
// `was_over`: the run had ended before it was to be cancelled.
nlohmann::json cancel_fields(const RunSummary& run, bool was_over, std::string_view project);

// `room` bytes of `whole`, which has more: its beginning and its end, with `gap` between them. Valid UTF-8.
std::string cut_middle(const std::string& whole, std::size_t room, std::string_view gap);

// The size of `value` in bytes when it is written as JSON.
std::size_t json_size(const nlohmann::json& value);

// True if status holds only a part of the run's result (a stream was cut, or the outputs are not in it) and there is a
// full result to read.
bool needs_payload(const api::ModelRun& run);

}  // namespace modelrun::gateway
