// The messages between the operator and modelrun-source. A connection carries one request and its answer. Each is a
// frame: its length as four bytes, the first the most significant one, and then as many bytes of JSON. After the answer
// to a fetch come the bytes of the listing and of the archive. The client ends a request by closing the connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "source/fetcher.h"
#include "source/remote.h"

namespace modelrun::source {

inline constexpr std::size_t kMaxRequestBytes = std::size_t{2} << 20U;  // a Secret has at most 1 MiB
inline constexpr std::size_t kMaxAnswerBytes = std::size_t{16} << 10U;

// `bytes`, fewer than 4 GiB, as a frame.
std::string framed(std::string_view bytes);

struct Request {
  Remote remote;
  Policy policy;
  std::optional<std::string> branch;  // to resolve
  std::optional<std::string> commit;  // to fetch; without one the request is to resolve
};

struct Answer {
  Resolved resolved;
  FileDigest archive;  // of a fetch
  std::uint64_t listing_bytes = 0;
};

// The JSON of a request, and back. kInvalid when the text is not a request.
std::string encode(const Request& request);
Result<Request> decode_request(std::string_view text);

// The JSON of an answer or of the error that stands in its place. `died`: the process that worked on the request has
// ended without an answer of its own.
std::string encode(const Result<Answer>& answer, bool died = false);
// Returns the error that was sent, and kUnavailable for a text that is no answer. An error's message is made safe.
// `died` is set if the error says so, or if the text is no answer.
Result<Answer> decode_answer(std::string_view text, bool& died);

}  // namespace modelrun::source
