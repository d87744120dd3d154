// How the CLI presents a run to people (texts) and to scripts (exit codes). Pure; safe to call from any thread. Texts
// may contain what a model wrote: they are not escaped here, but by the Console.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "api/model_run.h"

namespace modelrun::cli {

// Why the run ended or what it waits for: a reason of api/reason.h, from status.error or else from the condition
// Succeeded. Empty when the run has neither yet.
std::string reason_of(const api::ModelRun& run);

// The exit code of the commands `run`, `rerun` and `wait` for a run that has ended: 0 for Succeeded, 124 for
// TimedOut, 130 for Cancelled. For Failed it is the model's own exit code if that is the reason (NonZeroExit) and it
// is 1 to 125, else 1. REQUIRES: the phase is final.
int exit_code_of(const api::ModelRun& run);

// How long the run took, from startedAt to finishedAt: "1.42s" below two minutes, else as age() has it. A run that
// has not ended is measured until `now`, in the form of age(). Empty when the run never started, or when it is final
// but has no finishedAt.
std::string duration_of(const api::ModelRun& run, Time now);
// The same of anything with these times; `over`: its phase is final.
std::string duration_between(const std::optional<Time>& started, const std::optional<Time>& finished, bool over,
                             Time now);

// A span in the form in which kubectl shows ages: 42s, 5m30s, 3h12m, 9d. A negative one, from clock skew, is 0s.
std::string age(Duration span);

// One line of progress, without a newline: "NAME: PHASE (REASON): MESSAGE", such as "forecast-x7k2p: Running: the
// model is running". The reason is left out when it equals the phase, and so is a part that is empty.
std::string progress_line(const api::ModelRun& run);
// The same of any object.
std::string progress_line(const std::string& name, api::Phase phase, const std::string& reason,
                          const std::string& message);

// Adds "LABEL:    VALUE" and a newline, as summary() has it, unless `value` is empty.
void add_fact(std::string& text, std::string_view label, const std::string& value);

// What `run`, `rerun` and `wait` print at the end: one labelled line per fact, the outputs last. Outputs of more than
// 4096 bytes, and those that only the full result holds, are replaced by the command that prints them.
std::string summary(const api::ModelRun& run, Time now);

// The end of `text`, from the beginning of its last `lines` lines on; the last one may have no newline.
std::string_view last_lines(std::string_view text, std::size_t lines);

// The last `lines` lines of status.stderr, indented by two spaces, each with a newline. Empty when there are none.
std::string last_words(const api::ModelRun& run, std::size_t lines);

}  // namespace modelrun::cli
