// Paths and answers of the run server, apart from any connection. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "runserver/handler.h"

namespace modelrun::runserver {

enum class Action { kSource, kControl, kResult };

struct Route {
  AttemptRef attempt;
  Action action = Action::kSource;
};

// "/v1/attempts/{namespace}/{run}/{uid}/{attempt}/{action}" and nothing else: names as Kubernetes allows them, no
// escapes, no query.
std::optional<Route> parse_route(std::string_view target);

// The HTTP status for an error of the handler (handler.h).
unsigned status_of(ErrorKind kind);

}  // namespace modelrun::runserver
