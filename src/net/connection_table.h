// The connections of one server, counted by the address of their peers: which new connection is admitted, and which
// idle one is closed to make room for it.
//
// Usage:
//   ConnectionTable table({.total = 1'000, .per_peer = 100});
//   auto place = table.admit(address);
//   if (!place) return;          // the caller closes the socket
//   place->on_turned_away([weak] { ... post a close ... });
//   if (!place->set_busy()) ...  // a request has come; false: the connection is being closed
//   place->set_idle();           // it was answered
//   place.reset();               // the connection is gone
#pragma once

#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/mutex.h"
#include "net/connection_limits.h"

namespace modelrun::net {

// What limits by address count by. An IPv4 address that is written as an IPv6 one is an IPv4 address.
std::string peer_group(const boost::asio::ip::address& address, PeersBy peers);

// What happens to a connection that has no place. The names are values of a metric's label; see name_of().
enum class TurnedAway {
  kPeerFull,  // refused: its peers have as many connections as they may, and none of them is idle
  kFull,      // refused: the server has as many as it may, and nobody who has more than this peer has an idle one
  kEvicted,   // closed while it was idle, to make room for a new one
};
std::string_view name_of(TurnedAway what);

// The functions are called without a lock and must not block. Each may be empty.
struct ConnectionObserver {
  std::function<void(TurnedAway)> turned_away{};  // for each connection that is turned away
  std::function<void(int change)> open{};         // 1 for each place that is given out, -1 when it is free again
};

// Thread-safe; no method blocks. A connection is idle while no request of it is being handled; that includes its
// handshake and the reading of a header.
//
// When the peers of a group have `per_peer` connections, the longest idle one of them is closed for a new one. When
// the server has `total`, it is the longest idle one of the group that has the most, unless the newcomer's group has
// more. If there is no idle one, the new connection is refused. So whoever floods the server with idle connections
// loses his own.
//
// A warning is logged when that happens, at most once in kBetweenWarnings.
class ConnectionTable {
 public:
  static constexpr std::chrono::seconds kBetweenWarnings{10};

  // The place of one connection, free again when this is destroyed. Thread-safe. The table must outlive it.
  class Place {
   public:
    Place(ConnectionTable& table, std::uint64_t id) : table_(table), id_(id) {}
    ~Place() { table_.leave(id_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    // `close` must close the connection soon, and neither block nor throw. It is called at most once: by admit() of
    // another connection, or by this function if that has happened already. Call this once.
    void on_turned_away(std::function<void()> close) { table_.on_turned_away(id_, std::move(close)); }
    // Returns false if the connection has been turned away meanwhile, and is about to be closed.
    bool set_busy() { return table_.set_busy(id_); }
    void set_idle() { table_.set_idle(id_); }

   private:
    ConnectionTable& table_;
    const std::uint64_t id_;
  };

  explicit ConnectionTable(ConnectionLimits limits, ConnectionObserver observer = {})
      : limits_(limits), observer_(std::move(observer)) {}
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;
  ~ConnectionTable() = default;

  // Admits a connection, which is idle, or returns null.
  std::unique_ptr<Place> admit(const boost::asio::ip::address& peer);
  [[nodiscard]] std::size_t size() const;

 private:
  using Id = std::uint64_t;
  struct Peer {
    std::size_t connections = 0;
    std::map<std::uint64_t, Id> idle;  // by Entry::idle_since
  };
  struct Entry {
    std::string peer;
    std::function<void()> close{};  // empty until on_turned_away()
    std::uint64_t idle_since = 0;   // a number that grows; 0: not idle
  };
  using Entries = std::unordered_map<Id, Entry>;

  void on_turned_away(Id id, std::function<void()> close);
  bool set_busy(Id id);
  void set_idle(Id id);
  void leave(Id id);
  void make_idle(Id id, Entry& entry) REQUIRES(mutex_);
  void remove(Entries::iterator entry) REQUIRES(mutex_);
  // The idle connection that a new one of `peer` replaces; the end of entries_ if there is none.
  Entries::iterator victim_of_peer(const Peer& peer) REQUIRES(mutex_);
  Entries::iterator victim_of_all(std::size_t newcomers) REQUIRES(mutex_);
  void tell(TurnedAway what, const std::string& peer);

  const ConnectionLimits limits_;
  const ConnectionObserver observer_;
  mutable Mutex mutex_;
  std::uint64_t last_ GUARDED_BY(mutex_) = 0;  // the last Id or Entry::idle_since that was given
  Entries entries_ GUARDED_BY(mutex_);         // without those that were turned away
  std::unordered_map<std::string, Peer> peers_ GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point next_warning_ GUARDED_BY(mutex_){};
  std::uint64_t untold_ GUARDED_BY(mutex_) = 0;  // turned away since the last warning
};

}  // namespace modelrun::net
