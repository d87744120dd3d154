// Parses the paths of the run server, and maps errors to HTTP statuses. Pure. Internal to runserver/.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "runserver/handler.h"

namespace modelrun::runserver {

enum class Operation { kSource, kControl, kResult, kPoints, kRows, kWork };

struct Route {
  AttemptRef attempt;  // of kWork only the namespace is set
  Operation action = Operation::kSource;
  StandbyRef standby;  // of kWork
};

// Parses "/v1/attempts/{namespace}/{run}/{uid}/{attempt}/{action}" (api/sandbox.h), where {action} is "source",
// "control", "result", "points" or "rows". Returns nullopt for any other target. The namespace, the run's name and the
// UID must have the form that Kubernetes gives them (RFC 1123 names of at most 63, 253 and 64 characters), and the
// attempt must be a number from 1 to 1,000,000 without leading zeros. Also parses "/v1/standbys/{namespace}/{job}/work"
// (api/standby.h). Escapes and a query are not accepted.
std::optional<Route> parse_route(std::string_view target);

// The HTTP status for an error of the Handler; handler.h has the table.
unsigned status_of(ErrorKind kind);

}  // namespace modelrun::runserver
