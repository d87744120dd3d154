// An object that the API server has answered with, as text, so that it stands as objects only while it is read.
#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/large_document.h"
#include "kube/json.h"

namespace modelrun::kube {

// What Answer::read() returns if its function returns T.
template <class T>
struct ReadOf {
  using Type = Result<T>;
};
template <class T>
struct ReadOf<Result<T>> {
  using Type = Result<T>;
};

// Belongs to one thread at a time. See kube/client.h for who makes it.
class Answer {
 public:
  // `what`: the request, for errors: "get jobs default/x".
  Answer(std::string what, std::string text) : what_(std::move(what)), text_(std::move(text)) {}

  // Parses the text and returns what `use` makes of the object, which it is given for the time of the call; if that is
  // a Result, it is returned as it is. `use` must not send a request: one large object at a time is parsed in a
  // process (base/large_document.h). kUnavailable if the text is not a JSON object.
  template <class Use>
  auto read(Use use) const {
    using Made = std::invoke_result_t<Use, const Json&>;
    using Returned = ReadOf<Made>::Type;
    const LargeDocument turn(text_.size());
    const auto object = parse();
    if (!object) return Returned(std::unexpected(object.error()));
    if constexpr (std::is_void_v<Made>) {
      use(*object);
      return Returned();
    } else {
      return Returned(use(*object));
    }
  }

  // The object, which the caller may keep. For objects that are small.
  [[nodiscard]] Result<Json> parse() const {
    Json object = Json::parse(text_, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object()) return fail(ErrorKind::kUnavailable, "{}: the answer is not a JSON object", what_);
    return object;
  }

 private:
  std::string what_;
  std::string text_;
};

}  // namespace modelrun::kube
