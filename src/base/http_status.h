// HTTP status codes (RFC 9110 section 15): their reason phrases, and the ErrorKind of each. Pure.
#pragma once

#include <string_view>

#include "base/error.h"

namespace modelrun {

// Returns the reason phrase, for example "Not Found" for 404. Only the statuses that this project sends or expects
// are known; for any other it returns "Unexpected Status".
std::string_view status_phrase(int status);

// Returns the error kind of an answer whose status is not a success (2xx). 5xx is kUnavailable except 504, which is
// kTimeout like 408; a status below 500 that is not listed in ErrorKind is kInvalid. 409 is kConflict: only the
// reason in the body of a Kubernetes Status tells that it means AlreadyExists (kExists).
ErrorKind kind_of_status(int status);

}  // namespace modelrun
