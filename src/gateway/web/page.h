// The web page for people: static files that are compiled into the program, are the same for everybody and hold no
// secret. The page gets everything that it shows from the plain HTTP API.
#pragma once

#include <optional>

#include "gateway/http/http.h"

namespace modelrun::gateway {

// The answer to a GET of "/", of a file below "/page/", or of "/page/settings.json"; nullopt for every other request,
// also for files that do not exist. Answers 304 if the request's If-None-Match names the file as it is. `auth`:
// callers need a token, so that the page must ask for one. Does not block.
std::optional<HttpAnswer> page_answer(const HttpRequest& request, bool auth);

}  // namespace modelrun::gateway
