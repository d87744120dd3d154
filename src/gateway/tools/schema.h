// Builds the input and output schemas of the tools (JSON Schema 2020-12), and checks arguments against them. Pure.
//
// Every schema is a flat object. Several MCP clients drop a tool, or all tools of the server, when a schema has oneOf
// at its root.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"

namespace modelrun::gateway::schema {

nlohmann::json text(const char* description);
nlohmann::json text_or_null(const char* description);
// An argument that may be left out; null means the same as leaving it out.
nlohmann::json optional_text(const char* description);
// `type` is the name of a JSON Schema type, or an array of such names.
nlohmann::json of_type(const nlohmann::json& type, const char* description);
// A value of any type.
nlohmann::json anything(const char* description);
// An argument that may be left out, of this JSON Schema type.
nlohmann::json optional_of(const char* type, const char* description);
// An integer from `least` to `most`, or a list of such items, that may be left out.
nlohmann::json optional_integer(const char* description, std::int64_t least, std::int64_t most);
nlohmann::json optional_list(const char* item, const char* description);
// An integer from `least` to `most`; `usual`: its default.
nlohmann::json integer(const char* description, std::int64_t least, std::int64_t most, std::int64_t usual);
nlohmann::json list_of(nlohmann::json items, const char* description);
// A text that is one of `values`.
nlohmann::json words(const char* description, std::initializer_list<const char*> values);
// A run's status word, as status_word() gives it.
nlohmann::json status(const char* description);
// An object without other properties than these. `required` names those that must be present.
nlohmann::json object(nlohmann::json properties, const std::vector<std::string>& required);
// The same, all of which must be present.
nlohmann::json complete(nlohmann::json properties);

// Descriptions of properties that several tools share.
inline constexpr const char* kProject = "Name of the project; namespace/name for one outside of your own namespace.";
inline constexpr const char* kAnyRunId = "UUID of the run, or its first eight or more digits.";
inline constexpr const char* kRunId = "UUID of the run, as `run` and list_runs answer it";
inline constexpr const char* kCommit = "The commit that is executed; null until it is pinned.";
inline constexpr const char* kNumber =
    "The run's number in its project, from 1; null until it has one, and for a run that took the result of another.";

// Returns the arguments as they are meant. Language models and the clients around them send null for what they leave
// out, 5.0 or "5" for 5, and a number, an object or a list as a text of JSON. Where the schema, which object() made,
// does not allow such a value but the value that is meant, that one is taken. A text becomes one of these only if it is
// strict JSON (api/strict_json.h).
//
// kInvalid if what is meant does not fit the schema; the message names the argument and says what it must be. Knows
// only the keywords and types that the input schemas use: type (string, integer, number, object, array, boolean, null),
// enum, required, minimum with maximum, additionalProperties: false. Does not look into arguments that are objects or
// lists themselves. A null passes an enum if the type allows it.
Result<nlohmann::json> read(const nlohmann::json& schema, nlohmann::json arguments);

}  // namespace modelrun::gateway::schema
