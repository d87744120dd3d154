#include "cli/kept_logs.h"

#include <optional>

#include "cli/run_view.h"
#include "kube/payload.h"

namespace modelrun::cli {
namespace {

class Printer {
 public:
  Printer(Session& session, Streams streams, const KeptOptions& options)
      : console_(session.console), streams_(streams), options_(options) {}

  void stream(const api::CapturedStream& captured, bool is_err) {
    if (!wanted(is_err)) return;
    if (options_.tail >= 0) return text(captured.truncated() ? captured.tail : captured.head, false, is_err);
    write(captured.head, is_err);
    if (!captured.truncated()) return;
    const auto kept = captured.head.size() + captured.tail.size();
    gap(captured.total_bytes > kept ? captured.total_bytes - kept : 0, is_err);
    write(captured.tail, is_err);
  }

  void text(const std::string& text, bool truncated, bool is_err) {
    if (!wanted(is_err)) return;
    write(options_.tail < 0 ? std::string_view(text) : last_lines(text, static_cast<std::size_t>(options_.tail)),
          is_err);
    if (truncated) console_.note(fmt::format("({}: only its beginning and its end are here)", name(is_err)));
  }

 private:
  [[nodiscard]] bool wanted(bool is_err) const { return streams_ != (is_err ? Streams::kOut : Streams::kErr); }
  static const char* name(bool is_err) { return is_err ? "stderr" : "stdout"; }

  void write(std::string_view text, bool is_err) {
    const bool to_err = options_.all_to_err || (is_err && streams_ == Streams::kBoth);
    const std::string_view end = text.empty() || text.ends_with('\n') || !console_.out_is_tty() ? "" : "\n";
    to_err ? console_.err(text) : console_.out(text);
    if (!end.empty()) to_err ? console_.err(end) : console_.out(end);
  }
  void gap(std::uint64_t bytes, bool is_err) {
    console_.note(
        fmt::format("({}: {} bytes were not kept here, between its beginning and its end)", name(is_err), bytes));
  }

  Console& console_;
  Streams streams_;
  KeptOptions options_;
};

}  // namespace

Result<void> print_kept(Session& session, const api::ModelRun& run, Streams streams, const KeptOptions& options) {
  const auto& status = run.status;
  Printer printer(session, streams, options);
  const bool part =
      (status.out_truncated && streams != Streams::kErr) || (status.err_truncated && streams != Streams::kOut);
  std::optional<Error> lost;
  if (part && status.result_ref) {
    if (const auto frame = kube::load_payload(session.client, run, session.stop)) {
      printer.stream(frame->out, false);
      printer.stream(frame->err, true);
      return {};
    } else {
      lost = frame.error();
    }
  }
  printer.text(status.out, status.out_truncated, false);
  printer.text(status.err, status.err_truncated, true);
  if (lost) return std::unexpected(*lost);
  return {};
}

}  // namespace modelrun::cli
