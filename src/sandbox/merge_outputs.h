// Merges the JSON files that define a run's outputs into the text of one object. The files are a stranger's; no tree of
// their values is built, and the memory is bounded by OutputLimits whatever they hold.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/sandbox.h"
#include "sandbox/output_tree.h"

namespace modelrun::sandbox {

struct OutputLimits {
  // The size of the outputs as compact JSON.
  std::size_t bytes = api::kMaxOutputBytes;
  // White space and escapes in files do not count towards `bytes`. The files together may therefore be this many times
  // larger before they are refused unread.
  std::size_t slack = 4;
};

// Not thread-safe. Keeps references to all its arguments.
//   OutputMerger merger(tree, limits);
//   merger.take_error();
//   if (merger.fits(files, model_files)) { merger.take_result(); merger.take_file(...)...; }
//   auto outputs = merger.finish();
//   auto error = merger.take_found_error();
class OutputMerger {
 public:
  OutputMerger(const OutputTree& tree, const OutputLimits& limits) : tree_(tree), limits_(limits) {}

  // Takes the harness's error from .modelrun/error.json. It is about the run as a whole, so it takes precedence over
  // the errors found here. Its message is made printable and bounded. With the reason NonZeroExit it is no error of the
  // outputs but the failure().
  void take_error();
  // Why the program failed, in its own words: printable, at most 1000 bytes, empty when it left none.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  // Returns the text of .modelrun/warning.json: printable, at most 1000 bytes, empty when there is none.
  [[nodiscard]] std::string harness_warning() const;
  // Adds up the sizes of all files that will be read, before any of them is. Returns false, and complains with
  // OutputsTooLarge and the largest file, when they are more than bytes * slack.
  bool fits(const std::vector<OutputFile>& outputs, const std::vector<OutputFile>& of_models);
  // Takes .modelrun/result.json: the members of "result" and of "models".
  void take_result();
  // Takes NAME.json as outputs[NAME].
  void take_file(const OutputFile& file);
  // Takes .modelrun/models/MODEL/KEY.json as outputs[MODEL][KEY].
  void take_model_file(const OutputFile& file);

  // Complains about keys that come twice (the first one is kept), and then about the size of what is left. Returns the
  // outputs as the text of an api::JsonText; nullopt when there are none and when they are too large. Call it once.
  std::optional<std::string> finish();

  void complain(std::string reason, const std::string& message);
  // The first problem; its message counts the others and has at most 1000 bytes.
  std::optional<api::FrameError> take_found_error();

 private:
  // One value, or the mark that `outer` is the object of a pipeline's model. The views are of texts_.
  struct Entry {
    std::string_view outer;  // key of the outputs, as JSON text
    std::string_view inner;  // key of that model's outputs; empty for the mark and for a plain value
    std::string_view value;  // empty for the mark
    std::uint32_t origin;    // index into origins_

    [[nodiscard]] bool of_model() const { return value.empty() || !inner.empty(); }
  };

  std::uint32_t add_origin(std::string text);
  std::string_view keep(std::string text);
  void put(const Entry& entry);
  std::optional<std::string_view> compact(const std::string& path, const std::string& shown, int max_depth);
  void complain_twice(const Entry& first, const Entry& second);
  void drop_duplicates();
  [[nodiscard]] std::string merged() const;
  void complain_about_size(std::size_t size);

  const OutputTree& tree_;
  const OutputLimits& limits_;
  std::deque<std::string> texts_;  // what the views of entries_ point into
  std::deque<std::string> origins_;
  std::vector<Entry> entries_;
  std::optional<api::FrameError> error_;
  std::string failure_;
  std::size_t problems_ = 0;
  bool any_ = false;  // there are outputs, be they {}
};

}  // namespace modelrun::sandbox
