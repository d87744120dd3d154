// A run in the fields that clients of the gateway know. Pure. docs/gateway.md has them all.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "gateway/run_service.h"

namespace modelrun::gateway {

// What get_run cuts its payload to, serialised.
inline constexpr std::size_t kMaxPayload = std::size_t{1} << 20U;
// What the streams of sync_fields are cut to, with all else: a client of MCP takes events of 1 MiB, envelope included.
inline constexpr std::size_t kMaxEvent = kMaxPayload - (std::size_t{16} << 10U);

// "2026-04-28T10:00:01.420000+00:00"; without a fraction when there is none.
std::string iso_time(Time time);
nlohmann::json time_or_null(const std::optional<Time>& time);
// What is not known is null, never "".
nlohmann::json or_null(const std::string& text);
nlohmann::json number_or_null(std::int64_t number);  // of a run: they count from 1

// `frame`: the full result when it could be had and is larger than what stands in status, else null. `project`: as
// display_project() has it.
nlohmann::json sync_fields(const api::ModelRun& run, const api::ResultFrame* frame, std::string_view project);
nlohmann::json run_fields(const api::ModelRun& run, const api::ResultFrame* frame, std::string_view project);

nlohmann::json async_fields(const RunSummary& run, std::string_view project);
nlohmann::json list_entry(const RunSummary& run);
nlohmann::json cancel_fields(const RunSummary& run, std::string_view project);

// Bytes of its serialised form.
std::size_t json_size(const nlohmann::json& value);

// Whether the fields of `run` are more than what stands in its status.
bool needs_payload(const api::ModelRun& run);

}  // namespace modelrun::gateway
