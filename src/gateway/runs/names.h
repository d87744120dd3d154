// Parses and prints the names that clients use: projects, namespaces, run ids and status words. Pure.
#pragma once

#include <string>
#include <string_view>

#include "api/model_run.h"
#include "base/error.h"
#include "gateway/runs/run_summary.h"

namespace modelrun::gateway {

// Parses "[namespace/]project". kInvalid unless both are RFC 1123 labels (see is_dns_label()).
Result<ProjectRef> parse_project(std::string_view text, std::string_view default_namespace);

// `text`, or `default_namespace` if `text` is empty. kInvalid unless `text` is an RFC 1123 label.
Result<std::string> parse_namespace(std::string_view text, std::string_view default_namespace);

// The inverse of parse_project(): "project", or "namespace/project" if the namespace is not the default one.
std::string display_project(std::string_view namespace_, std::string_view project, std::string_view default_namespace);

// The words for the ids of one kind of objects.
struct IdWords {
  std::string_view noun;     // "run"
  std::string_view name;     // of the argument: "run_id"
  std::string_view sources;  // which tools answer such an id
  std::string_view lister;   // the tool that lists the objects
};
inline constexpr IdWords kRunIds{"run", "run_id", "`run` or list_runs", "list_runs"};
inline constexpr IdWords kSweepIds{"sweep", "sweep_id", "`sweep` or list_sweeps", "list_sweeps"};

inline constexpr std::size_t kUuidDigits = 32;
// The hex digits of a UUID or of a prefix of one, in lower case and without dashes. kInvalid if `text` has any other
// character, fewer than eight digits, or more than 32.
Result<std::string> id_digits(std::string_view text, const IdWords& words);
Result<std::string> run_id_digits(std::string_view text);

// The message for an object that is not there, or that the caller may not see.
std::string no_object(const IdWords& words, std::string_view id);

// The word that clients see for a phase: pending (also for kNone), running, success, failed, timed_out or cancelled.
std::string_view status_word(api::Phase phase);
// The phase of a status word; "pending" gives kPending. kNone for any other text.
api::Phase parse_status_word(std::string_view word);

}  // namespace modelrun::gateway
