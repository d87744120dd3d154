// The agent's end of the connection to `exec`, from the connection to the end of the run. Main thread only.
#pragma once

#include <optional>

#include "api/sandbox.h"
#include "sandbox/background.h"
#include "sandbox/capture.h"
#include "sandbox/channel.h"

namespace modelrun::sandbox {

// What is known of the model's process when it is over.
struct RelayedRun {
  api::ExitRecord exit;
  api::CapturedStream out;
  api::CapturedStream err;
  std::optional<api::FrameError> error;  // with ExitHow::kNotStarted
};

class Relay {
 public:
  // `signals`: a signalfd for SIGTERM and SIGINT, not owned, like the other references.
  Relay(Listener& listener, const SourceFetch& source, const OrderWatch& orders, int signals, std::size_t stream_bytes)
      : listener_(listener),
        source_(source),
        orders_(orders),
        signals_(signals),
        out_(stream_bytes),
        err_(stream_bytes) {}

  // Waits for `exec` and the source, says go, and relays until the exit record has come or the connection is lost.
  RelayedRun run(std::chrono::seconds connect);

 private:
  void wait_for_start(std::chrono::seconds connect);
  void on_start_events(bool connection, bool source, bool signal);
  void take_packets();
  void take_packet(Packet packet);
  void relay();
  void lose();
  void not_started(std::string reason, std::string message);
  void drain(UniqueFd& pipe, StreamCapture& into) const;
  bool read_signal();

  Listener& listener_;
  const SourceFetch& source_;
  const OrderWatch& orders_;
  int signals_;
  Channel exec_;
  UniqueFd out_pipe_, err_pipe_;  // read ends; they outlive `exec`
  StreamCapture out_, err_;
  api::ExitRecord record_;
  std::optional<api::FrameError> error_;
  bool over_ = false;
  bool going_ = false;
};

}  // namespace modelrun::sandbox
