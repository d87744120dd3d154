// Git servers that are slow, silent, away, or whose branch moves.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "controller/sources/git.h"
#include "simulation/sim.h"

namespace modelrun::simulation {

// One git server with one repository. The world sets what is wrong with it.
class GitServer {
 public:
  explicit GitServer(std::string name) : name_(std::move(name)) {}

  enum class State { kWell, kSlow, kSilent, kUnavailable, kDenied };
  void set_state(State state, Nanos now);
  [[nodiscard]] State state() const { return state_; }
  void move_branch() { ++head_; }
  void set_branch(bool exists) { branch_ = exists; }
  [[nodiscard]] bool has_branch() const { return branch_; }
  [[nodiscard]] std::string head() const;  // the commit that the branch points to
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string url() const { return "https://" + name_ + "/team/models.git"; }

  // An answer that takes long is begun (1) or has come to its end (-1). It may do so after the server is well again.
  void count_slow_answers(int change, Nanos now);
  // For how long it gave no answer up to `now`, all in all. A time between two troubles, or since the last one, counts
  // too if it is so short that tries which are spaced apart may miss it.
  [[nodiscard]] Nanos trouble(Nanos now) const;
  // The same, since the last process began to lead.
  [[nodiscard]] Nanos trouble_of_term(Nanos now) const { return trouble(now) - trouble_before_term_; }
  void note_term(Nanos now) { trouble_before_term_ = trouble(now); }
  [[nodiscard]] bool was_denied() const { return was_denied_; }
  [[nodiscard]] bool branch_was_gone() const { return branch_was_gone_ || !branch_; }
  void note_branch_gone() { branch_was_gone_ = true; }

 private:
  void note_trouble(Nanos now);
  [[nodiscard]] Nanos unnoticed(Nanos now) const;

  const std::string name_;
  State state_ = State::kWell;
  int head_ = 1;
  bool branch_ = true;
  bool was_denied_ = false;
  bool branch_was_gone_ = false;
  int slow_answers_ = 0;  // that are under way
  std::optional<Nanos> trouble_since_, well_since_;
  Nanos trouble_{0};
  Nanos trouble_before_term_{0};
};

// The git of one process. Its functions wait on the caller's fiber.
class SimGit final : public controller::Git {
 public:
  using Servers = std::map<std::string, std::shared_ptr<GitServer>>;  // by host name
  SimGit(Sim& sim, const Servers& servers) : sim_(sim), servers_(servers) {}

  Result<source::Resolved> resolve(const source::Remote& remote, const std::optional<std::string>& branch,
                                   const std::optional<std::string>& commit, std::stop_token stop) override;
  Result<ArchivePtr> fetch(const source::Remote& remote, const std::string& commit, std::stop_token stop) override;
  ArchivePtr find(const source::Remote& remote, const std::string& commit) override;
  // A process begins to lead.
  void note_term() const {
    for (const auto& [host, server] : servers_) server->note_term(sim_.fibers.now());
  }

 private:
  Result<GitServer*> reach(const source::Remote& remote, const std::stop_token& stop);

  Sim& sim_;
  const Servers& servers_;
};

}  // namespace modelrun::simulation
