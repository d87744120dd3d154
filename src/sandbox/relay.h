// The agent's side of the connection to `exec` (see channel.h): it waits for the connection, gives the permit to start,
// and takes in the model's output until the run has ended.
#pragma once

#include <optional>

#include "api/points.h"
#include "api/sandbox.h"
#include "sandbox/capture.h"
#include "sandbox/channel.h"
#include "sandbox/io.h"
#include "sandbox/layout.h"
#include "sandbox/point_flow.h"

namespace modelrun::sandbox {

// What is known about the model's process when the run has ended.
struct RelayedRun {
  api::ExitRecord exit;
  api::CapturedStream out;
  api::CapturedStream err;
  // Present when exit.how is kNotStarted. The reason is SandboxSetupFailed, SourceTooLarge or SourceUnreachable.
  std::optional<api::FrameError> error;
  std::string rings;                     // that `exec` put up; empty when the model was not started
  std::optional<std::int64_t> at_point;  // the point that was under way when the connection was lost
};

// Brings the files of the commit to /repo. Thread-safe.
class Source {
 public:
  virtual ~Source() = default;
  // True in a standby: there is a run only when `exec` is ready for one, and nobody knows when.
  [[nodiscard]] virtual bool awaits_work() const { return false; }
  // True when `exec` says that it is ready, before which it is not to go: in a standby and in a run with points.
  [[nodiscard]] virtual bool awaits_ready() const { return awaits_work(); }
  virtual void start() const = 0;
  // Raised when it has ended.
  [[nodiscard]] virtual const Event& done() const = 0;
  // How it has ended; nullopt until done() is raised.
  [[nodiscard]] virtual std::optional<Result<void>> result() const = 0;
  // What `exec` is told with its go. Only after a good result().
  [[nodiscard]] virtual std::string go_payload() const { return {}; }
  // The points of a run that has some, else nullptr. Only after a good result(); valid as long as this object.
  [[nodiscard]] virtual const api::PointList* points() const { return nullptr; }
};

// Who may have the model ended. Thread-safe.
class Orders {
 public:
  virtual ~Orders() = default;
  virtual void start() const = 0;
  // Raised when the run is to be cancelled.
  [[nodiscard]] virtual const Event& cancelled() const = 0;
};

// Serves one run. Use it from one thread only.
class Relay {
 public:
  // Keeps all references; they and the descriptor must outlive this object. `signals` is a non-blocking signalfd for
  // SIGTERM and SIGINT; it stays the caller's. `stream_bytes` are kept of each output stream. The caller must not start
  // `source` and `orders`: run() does. `rows` takes the rows if the source has points; without it such a run fails.
  Relay(const Layout& layout, AgentSocket& listener, const Source& source, const Orders& orders, RowSink* rows,
        int signals, std::size_t stream_bytes)
      : layout_(layout),
        listener_(listener),
        source_(source),
        orders_(orders),
        rows_(rows),
        signals_(signals),
        out_(stream_bytes),
        err_(stream_bytes) {}

  // Waits for `exec` to connect, starts the source fetch, tells `exec` to go when the source is there, starts the order
  // watch, and relays until the exit record has come or the connection is lost. Blocks until then; the time-out of the
  // model itself is kept by `exec`. In a run with points it has them executed and collects what each leaves. Closes the
  // listener. Call it once.
  //
  // `connect` limits the wait for the connection, and then again (with one second more) the wait for the source. In a
  // standby it limits the wait until `exec` is ready; the wait for work has no limit. Every
  // failure is part of the returned record: kNotStarted when one happens before the go or when `exec` reports that the
  // model, or one of its points, could not be started; kLost when the connection breaks after the go. SIGTERM before
  // the go ends the run as kNotStarted; later it is only noted, because `exec` gets its own SIGTERM.
  RelayedRun run(std::chrono::seconds connect);

 private:
  void wait_for_start(std::chrono::seconds connect);
  [[nodiscard]] bool waits_for_ready() const;
  [[nodiscard]] std::string_view overdue() const;
  void on_start_events(bool connection, bool signal);
  void take_packets();
  void take_packet(Packet packet);
  void relay();
  void cancel(std::string_view why);
  void start_points();
  void begin_point();
  void end_point(const std::string& record);
  void lose();
  void not_started(std::string reason, std::string message);
  void drain(UniqueFd& pipe, StreamCapture& into) const;
  bool read_signal();

  const Layout& layout_;
  AgentSocket& listener_;
  const Source& source_;
  const Orders& orders_;
  RowSink* rows_;
  int signals_;
  Channel exec_;
  UniqueFd out_pipe_, err_pipe_;  // read ends of the model's pipes; what is in the pipes survives the death of `exec`
  StreamCapture out_, err_;
  api::ExitRecord record_;
  std::optional<api::FrameError> error_;
  std::string rings_;
  bool over_ = false;
  bool ready_ = false;    // `exec` has said that all is prepared (Message::kReady)
  bool fetched_ = false;  // the source has ended, well or badly
  bool going_ = false;
  bool cancelled_ = false;
  std::optional<PointFlow> points_;  // of a run with points, from kStarted on
  bool point_waits_ = false;         // the next point begins when there is room for its row
};

}  // namespace modelrun::sandbox
