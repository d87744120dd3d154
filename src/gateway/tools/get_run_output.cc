#include "api/json_access.h"
#include "gateway/runs/names.h"
#include "gateway/runs/run_output.h"
#include "gateway/runs/text_part.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/shared.h"
#include "gateway/tools/tool.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using namespace schema;
using api::text_at;

json get_run_output_input() {
  json encoding = words("'auto': text where it is one, JSON for other outputs, base64 for other files.",
                        {"auto", "json", "text", "base64"});
  encoding["default"] = "auto";
  json offset =
      of_type({"integer", "null"}, "For a part: its first byte, from 0, or the next_offset of the part before.");
  offset.update({{"minimum", 0}, {"maximum", 1'073'741'824}, {"default", nullptr}});
  json limit = part_limit();
  limit["type"] = {"integer", "null"};
  limit["default"] = nullptr;
  limit["description"] =
      "For a part: at most so many bytes, 16384 if only offset is given. The part can have fewer: characters are not "
      "cut, and escapes count. Without offset and limit the answer is whole.";
  return object(
      {{"run_id", text(kAnyRunId)},
       {"output_name",
        text("An output's name, or a file that the run left under /outputs; '*': all outputs as one JSON object.")},
       {"encoding", std::move(encoding)},
       {"offset", std::move(offset)},
       {"limit", std::move(limit)}},
      {"run_id", "output_name"});
}

json get_run_output_result() {
  return object(
      {{"run_id", text(kRunId)},
       {"project_name", text(kProject)},
       {"output_name", text("As it was asked for.")},
       {"resolved_output_name", text("What it was found as.")},
       {"content", text("In `encoding`.")},
       {"encoding", words("", {"json", "text", "base64"})},
       {"size_bytes", of_type("integer", "Of the whole content before it was encoded.")},
       {"truncated", of_type("boolean", "This is not all of it: a part was asked for.")},
       {"resolution_path",
        words("Where it was found.", {"output", "output_without_json", "file", "file_stem", "all_outputs"})},
       {"next_offset", of_type({"integer", "null"}, "For the next part; null: this was the last, or the whole.")}},
      {"run_id", "project_name", "output_name", "resolved_output_name", "content", "encoding", "size_bytes",
       "truncated", "resolution_path", "next_offset"});
}

Result<json> get_run_output(const json& arguments, const Call& call) {
  const auto found = call.runs.find_summary(call.caller, text_at(arguments, "run_id"), call.stop);
  RETURN_IF_ERROR(found);
  const auto read = call.runs.read_run(call.caller, found->key, call.stop);
  RETURN_IF_ERROR(read);
  const api::ModelRun& run = **read;
  if (!api::is_final(run.status.phase)) {
    return fail(ErrorKind::kConflict, "run {} is {}: it has no outputs yet. Call get_run until it is over",
                found->key.uid, status_word(run.status.phase));
  }
  FramePtr frame;
  if (run.status.result_ref) {
    auto payload = call.runs.payload(call.caller, run, call.stop);
    RETURN_IF_ERROR(payload);
    frame = std::move(*payload);
  }
  auto encoding = text_at(arguments, "encoding");
  const auto offset = api::int_at(arguments, "offset");
  const auto limit = api::int_at(arguments, "limit");
  std::optional<OutputPart> part;
  if (offset || limit) {
    part = OutputPart{.offset = static_cast<std::size_t>(offset.value_or(0)),
                      .limit = static_cast<std::size_t>(limit.value_or(kUsualPart))};
  }
  return find_output(run, frame.get(), text_at(arguments, "output_name"), encoding.empty() ? "auto" : encoding,
                     shown_project(call, *found), part);
}

}  // namespace

Tool make_get_run_output_tool() {
  return Tool{
      .name = "get_run_output",
      .title = "Get one output",
      .description =
          "One output of a run that is over: a named output, or a file it left under /outputs. Whole up to 1 MiB; "
          "anything larger in parts, with offset and limit.",
      .read_only = true,
      .idempotent = true,
      .input_schema = get_run_output_input(),
      .output_schema = get_run_output_result(),
      .call = answer_directly<get_run_output>};
}

}  // namespace modelrun::gateway
