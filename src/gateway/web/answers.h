// What both protocols need to read requests and write answers: problem documents, JSON bodies, server-sent events,
// and a few request headers.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "gateway/http/http.h"
#include "gateway/web/visit.h"

namespace modelrun::gateway {

// The HTTP status that is sent for an error of this kind.
int status_of(ErrorKind kind);

// A problem document (RFC 9457): its fields, or a whole answer with the content type application/problem+json.
nlohmann::json problem_fields(int status, const std::string& detail);
nlohmann::json problem_fields(const Error& error);
HttpAnswer problem(int status, const std::string& detail);
HttpAnswer problem(const Error& error);

// The text of an answer: `fields` as JSON. An object with a run_id or a sweep_id begins with it and status, because
// people and language models read them first. That holds for the outermost object and for objects up to two levels
// within it, since a message of MCP has the result there.
std::string answer_text(const nlohmann::json& fields);

// The same in two steps, for who changes a member in between: the members in the order in which they are shown, and the
// object that they make. answer_members() REQUIRES an object.
using Members = std::vector<std::pair<std::string, std::string>>;  // name, and value as JSON text
Members answer_members(const nlohmann::json& fields);
std::string object_text(const Members& members);

// Answers the visit: 200 with the fields as JSON or, if there are none, with a problem document for the error.
void answer_fields(const Visit& visit, const Result<nlohmann::json>& fields);

// The headers of an answer that a browser saves as a file of this name, without the folders in front. They keep it from
// showing what a model wrote as a page of this server.
HttpHeaders attachment_headers(const std::string& name);

// The text of one server-sent event. REQUIRES: `data` is a single line.
std::string event(std::string_view name, std::string_view data);
// The query of the request as the arguments of a tool, each a text.
nlohmann::json query_arguments(const HttpRequest& request);
// True if the body's media type is application/json, whatever its parameters.
bool is_json(const HttpRequest& request);
// True if the client's Accept headers name text/event-stream, with a weight above zero. A range such as */* does not:
// many clients send it who cannot read events.
bool accepts_events(const HttpRequest& request);

// The value of the Idempotency-Key header; an empty text if there is none. kInvalid if the header is empty or longer
// than kMaxIdempotencyKey bytes.
Result<std::string> idempotency_key(const HttpRequest& request);
inline constexpr std::size_t kMaxIdempotencyKey = 255;

}  // namespace modelrun::gateway
