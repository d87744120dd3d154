// A run as people and scripts are told of it. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "api/model_run.h"

namespace modelrun::cli {

// Why it ended or what it waits for: one of the reasons of api/reason.h, or "".
std::string reason_of(const api::ModelRun& run);

// The exit code of `run` and `wait` for a run that is over: 0 Succeeded; the model's own, when that is why it failed
// and it is 1 to 125; 124 TimedOut; 130 Cancelled; else 1.
int exit_code_of(const api::ModelRun& run);

// "1.42s", "3m12s"; empty when it never started. A run that has not ended is measured until `now`.
std::string duration_of(const api::ModelRun& run, Time now);

// As kubectl shows ages: 42s, 5m30s, 3h12m, 9d.
std::string age(Duration span);

// "forecast-x7k2p: Running: the model is running", for one line of progress.
std::string progress_line(const api::ModelRun& run);

// What `run` and `wait` print at the end: several lines, the outputs last.
std::string summary(const api::ModelRun& run, Time now);

// The last lines of what the model wrote to standard error, indented; empty when there is nothing.
std::string last_words(const api::ModelRun& run, std::size_t lines);

}  // namespace modelrun::cli
