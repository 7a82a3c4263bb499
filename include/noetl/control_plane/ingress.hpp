// control_plane/ingress.hpp: what a gateway needs to take messages for a push subscription (http-platform.md
// section 8.2). Knows the catalog's table, subscriptions and credentials; nothing of HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/credentials.hpp>
#include <noetl/control_plane/ingress_declaration.hpp>
#include <noetl/control_plane/secret_audit.hpp>
#include <noetl/control_plane/subscriptions.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/ids.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct ingress_view {
   std::string listener;
   std::string catalog_path;
   std::string source;
   id_text<control_plane::subscription_id> subscription_id;
   std::string state; ///< of the subscription, so that a gateway can honour a pause (D-76)
   ingress_verify verify;
   ingress_dispatch dispatch;
   raw_json directives;
   using json_rules = rules<omit_empty<"directives">>;
};

/// Finds the subscription behind a listener. Thread-safe. Documents are parsed once: a catalog entry never changes.
class ingress_service {
public:
   ingress_service(pg::shard_map& shards, subscription_service& subscriptions, credential_service& credentials,
                   secret_audit& audit)
       : pool_(shards.cluster()), subscriptions_(subscriptions), credentials_(credentials), audit_(audit) {}

   /// Registers the subscription when none is live, as a register call does (item 117).
   /// Errors: not_found (no such listener, or no such credential), validation (the document lacks something), internal
   /// (the secret cannot be read), conflict, unavailable.
   awaitable<result<ingress_view>> find(std::string listener) {
      auto entries = co_await newest();
      if (!entries) co_return std::move(entries).error();
      auto declared = co_await declarations(*entries);
      if (!declared) co_return std::move(declared).error();
      declaration_ptr chosen;
      std::string path;
      for (std::size_t i = 0; i < entries->size(); ++i) {
         auto const& one = (*declared)[i];
         if (!one || one->listener() != listener) continue;
         if (chosen) {
            log::warn("ingress.listener_taken", {{"path", (*entries)[i].path}, {"by", path}});
            continue;
         }
         chosen = one;
         path = (*entries)[i].path;
      }
      if (!chosen) co_return fail(error_code::not_found, "No subscription listens on '" + listener + "'");
      if (!chosen->problem.empty())
         co_return fail(error_code::validation, "Subscription '" + path + "': " + chosen->problem);
      ingress_view out;
      out.listener = std::move(listener);
      out.catalog_path = path;
      out.source = chosen->source;
      out.verify = chosen->verify;
      out.dispatch = chosen->dispatch;
      out.directives = chosen->directives;
      if (chosen->verify.secret) {
         auto secret = co_await secret_of(*chosen->verify.secret);
         if (!secret) co_return std::move(secret).error();
         out.verify.secret = *std::move(secret);
      }
      auto live = co_await subscriptions_.enroll(std::move(path));
      if (!live) co_return std::move(live).error();
      out.subscription_id = live->view.subscription_id;
      out.state = std::move(live->view.state);
      co_return out;
   }

private:
   using declaration_ptr = std::shared_ptr<ingress_declaration const>;
   struct listed {
      noetl::catalog_id catalog_id;
      std::string path;
   };
   static constexpr std::size_t most_cached = 10'000;

   /// Newest version of each path that is a subscription, in the order of the paths.
   awaitable<result<std::vector<listed>>> newest() {
      auto work = [](pg::connection& db) {
         std::vector<listed> out;
         for (auto const row : db.exec(
                  "select c.catalog_id, c.path from (select distinct path from noetl.catalog where lower(kind) = "
                  "'subscription') p cross join lateral (select catalog_id, path, kind from noetl.catalog where path "
                  "= p.path order by version desc limit 1) c where lower(c.kind) = 'subscription' order by c.path "
                  "collate \"C\""))
            out.push_back({row.get<noetl::catalog_id>(0), row.get<std::string>(1)});
         return out;
      };
      co_return co_await pool_.run(std::move(work));
   }

   /// Of each entry in their order, null where it declares no ingress. The answer does not need what is kept: another
   /// call may drop that while this one waits for the database.
   awaitable<result<std::vector<declaration_ptr>>> declarations(std::vector<listed> const& entries) {
      std::vector<declaration_ptr> out(entries.size());
      std::unordered_map<noetl::catalog_id, std::size_t> missing; // and their places
      std::vector<std::int64_t> ids;
      {
         std::lock_guard const lock(mutex_);
         for (std::size_t i = 0; i < entries.size(); ++i) {
            auto const id = entries[i].catalog_id;
            if (auto const found = known_.find(id); found != known_.end()) {
               out[i] = found->second;
            } else {
               missing.emplace(id, i);
               ids.push_back(id.value);
            }
         }
      }
      if (ids.empty()) co_return out;
      auto work = [ids = std::move(ids)](pg::connection& db) {
         return db.exec(
             "select catalog_id, coalesce(content, '') from noetl.catalog where catalog_id = any($1::bigint[])", ids);
      };
      auto rows = co_await pool_.run(std::move(work));
      if (!rows) co_return std::move(rows).error();
      for (auto const row : *rows) {
         auto const id = row.get<noetl::catalog_id>(0);
         auto declared = read_ingress(row.get<std::string>(1));
         auto kept = declared ? std::make_shared<ingress_declaration const>(*std::move(declared)) : declaration_ptr{};
         out[missing.at(id)] = kept;
         std::lock_guard const lock(mutex_);
         if (known_.size() >= most_cached) known_.clear();
         known_.insert_or_assign(id, std::move(kept));
      }
      co_return out;
   }

   awaitable<result<std::string>> secret_of(std::string name) {
      auto found = co_await credentials_.find(name, true);
      audit_record record;
      record.credential = name;
      record.operation = "get_credential";
      record.outcome = found ? "ok" : found.error().code == error_code::not_found ? "credential_not_found" : "other";
      record.notes = "ingress";
      auto noted = co_await audit_.write(std::move(record));
      if (!noted) co_return std::move(noted).error();
      if (!found) co_return std::move(found).error();
      auto text = secret_text(found->data.text);
      if (!text)
         co_return fail(error_code::validation,
                        "Credential '" + name + "' holds no text under secret, token, value, key or password");
      co_return *std::move(text);
   }

   pg::pool& pool_;
   subscription_service& subscriptions_;
   credential_service& credentials_;
   secret_audit& audit_;
   std::mutex mutex_;
   std::unordered_map<noetl::catalog_id, declaration_ptr> known_; // null: no ingress in it
};

} // namespace noetl::control_plane
