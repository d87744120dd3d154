// The page for people: static files that are compiled in, the same for everybody, and holding no secret. It asks the
// plain HTTP API for all that it shows.
#pragma once

#include <optional>

#include "gateway/http.h"

namespace modelrun::gateway {

// For GET of "/" and of what lies below "/page/"; nothing for other requests. 304 where the client has the same
// already. `auth`: callers need a token; the page asks for one then.
std::optional<HttpAnswer> page_answer(const HttpRequest& request, bool auth);

}  // namespace modelrun::gateway
