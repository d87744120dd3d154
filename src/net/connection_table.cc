#include "net/connection_table.h"

#include <boost/asio/ip/address_v6.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <optional>

#include "base/log.h"

namespace modelrun::net {

namespace ip = boost::asio::ip;

std::string peer_group(const ip::address& address, PeersBy peers) {
  if (address.is_v4()) return address.to_string();
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, v6).to_string();
  if (peers == PeersBy::kAddress) return v6.to_string();
  constexpr unsigned short kNetworkBits = 64;
  return ip::network_v6(v6, kNetworkBits).canonical().to_string();
}

std::string_view name_of(TurnedAway what) {
  switch (what) {
    case TurnedAway::kPeerFull:
      return "peer_full";
    case TurnedAway::kFull:
      return "full";
    case TurnedAway::kEvicted:
      break;
  }
  return "evicted";
}

std::unique_ptr<ConnectionTable::Place> ConnectionTable::admit(const ip::address& address) {
  const auto peer = peer_group(address, limits_.peers);
  std::optional<Entry> victim;
  Id id = 0;
  {
    MutexLock lock(mutex_);
    auto& newcomers = peers_[peer];
    const bool peer_full = newcomers.connections >= limits_.per_peer;
    if (peer_full || entries_.size() >= limits_.total) {
      const auto found = peer_full ? victim_of_peer(newcomers) : victim_of_all(newcomers.connections);
      if (found == entries_.end()) {
        if (newcomers.connections == 0) peers_.erase(peer);
        lock.unlock();
        tell(peer_full ? TurnedAway::kPeerFull : TurnedAway::kFull, peer);
        return nullptr;
      }
      victim = found->second;
      remove(found);
    }
    id = ++last_;
    ++peers_[peer].connections;
    make_idle(id, entries_.emplace(id, Entry{.peer = peer}).first->second);
  }
  if (observer_.open) observer_.open(1);
  if (victim) {
    if (victim->close) victim->close();
    tell(TurnedAway::kEvicted, victim->peer);
  }
  return std::make_unique<Place>(*this, id);
}

ConnectionTable::Entries::iterator ConnectionTable::victim_of_peer(const Peer& peer) {
  return peer.idle.empty() ? entries_.end() : entries_.find(peer.idle.begin()->second);
}

ConnectionTable::Entries::iterator ConnectionTable::victim_of_all(std::size_t newcomers) {
  const Peer* most = nullptr;
  for (const auto& [unused, peer] : peers_) {
    if (!peer.idle.empty() && (most == nullptr || peer.connections > most->connections)) most = &peer;
  }
  return most == nullptr || most->connections < newcomers ? entries_.end() : victim_of_peer(*most);
}

std::size_t ConnectionTable::size() const {
  const MutexLock lock(mutex_);
  return entries_.size();
}

void ConnectionTable::on_turned_away(Id id, std::function<void()> close) {
  {
    const MutexLock lock(mutex_);
    const auto entry = entries_.find(id);
    if (entry != entries_.end()) {
      entry->second.close = std::move(close);
      return;
    }
  }
  close();
}

bool ConnectionTable::set_busy(Id id) {
  const MutexLock lock(mutex_);
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return false;
  const auto since = std::exchange(entry->second.idle_since, 0);
  if (since != 0) peers_[entry->second.peer].idle.erase(since);
  return true;
}

void ConnectionTable::set_idle(Id id) {
  const MutexLock lock(mutex_);
  const auto entry = entries_.find(id);
  if (entry != entries_.end() && entry->second.idle_since == 0) make_idle(id, entry->second);
}

void ConnectionTable::leave(Id id) {
  if (observer_.open) observer_.open(-1);
  const MutexLock lock(mutex_);
  const auto entry = entries_.find(id);
  if (entry != entries_.end()) remove(entry);
}

void ConnectionTable::make_idle(Id id, Entry& entry) {
  entry.idle_since = ++last_;
  peers_[entry.peer].idle.emplace(entry.idle_since, id);
}

void ConnectionTable::remove(Entries::iterator entry) {
  const auto peer = peers_.find(entry->second.peer);
  peer->second.idle.erase(entry->second.idle_since);
  if (--peer->second.connections == 0) peers_.erase(peer);
  entries_.erase(entry);
}

void ConnectionTable::tell(TurnedAway what, const std::string& peer) {
  if (observer_.turned_away) observer_.turned_away(what);
  std::uint64_t count = 0;
  {
    const MutexLock lock(mutex_);
    ++untold_;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_warning_) return;
    next_warning_ = now + kBetweenWarnings;
    count = std::exchange(untold_, 0);
  }
  log::warn("connections are turned away because there are too many",
            {{"reason", std::string(name_of(what))}, {"peer", peer}, {"count", std::to_string(count)}});
}

}  // namespace modelrun::net
