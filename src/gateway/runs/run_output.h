// Finds one output or file of a run by its name and encodes it. Pure.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "base/error.h"

namespace modelrun::gateway {

// The largest content that find_output() returns whole, in bytes before it is encoded. A larger one is kTooLarge, never
// cut.
inline constexpr std::size_t kMaxOutputContent = std::size_t{1} << 20U;

// A part of a content: from `offset` on, at most `limit` bytes (text_part.h has the bounds of it). The bytes are
// those of the text in the encoding of the answer or, for base64, those of the content.
struct OutputPart {
  std::size_t offset = 0;
  std::size_t limit = 0;
};

// Looks for `wanted` in this order and returns the fields of get_run_output:
//   1. the output of that name;
//   2. the output of that name without ".json" at its end;
//   3. the file of that name under /outputs;
//   4. the only file whose base name without its extension is `wanted`;
//   5. all outputs, as one JSON object, if `wanted` is "*".
// `frame` is the full result, or null if the run has none; without it there are no bytes of files. `encoding` is
// "auto", "json", "text" or "base64". `project`: from display_project().
//
// With `part` the answer has that part of the content, whatever its size; without, the whole of it. `next_offset` is
// that of the next part, null if there is none.
//
// kNotFound: there is no such output (the message lists what there is), or the file's bytes were not kept. kTooLarge:
// see kMaxOutputContent. kInvalid: the content does not fit the encoding, or the part begins behind its end.
// kInternal: the file's digest is not the one in status.
Result<nlohmann::json> find_output(const api::ModelRun& run, const api::ResultFrame* frame, const std::string& wanted,
                                   const std::string& encoding, std::string_view project,
                                   const std::optional<OutputPart>& part = {});

// The bytes of the file that the run left as /outputs/`name`, of any size. kNotFound: there is no file of that name,
// or its bytes were not kept. kInternal: its digest is not the one in status.
Result<std::string> file_bytes(const api::ModelRun& run, const api::ResultFrame* frame, const std::string& name);

}  // namespace modelrun::gateway
