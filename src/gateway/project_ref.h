// Names as clients give them. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "gateway/run_service.h"

namespace modelrun::gateway {

// "[namespace/]project". kInvalid unless both are names that Kubernetes allows.
Result<ProjectRef> parse_project(std::string_view text, std::string_view default_namespace);

// The namespace that a caller names, or the default one. kInvalid unless it is a name that Kubernetes allows.
Result<std::string> parse_namespace(std::string_view text, std::string_view default_namespace);

// What parse_project() takes back: with the namespace only where it is not the default one.
std::string display_project(std::string_view namespace_, std::string_view project, std::string_view default_namespace);

// A UUID or a prefix of one, to lower-case hex digits without dashes. kInvalid: another character, fewer than eight
// digits or more than 32.
Result<std::string> run_id_digits(std::string_view text);

// pending, running, success, failed, timed_out, cancelled.
std::string_view status_word(api::Phase phase);
// kNone for a word that is none of them. "pending" is kPending.
api::Phase parse_status_word(std::string_view word);

}  // namespace modelrun::gateway
