// control_plane/credential_access.hpp: hands secrets out: stored ones and those of a playbook's keychain, in the open
// or sealed for one worker, with a record of each attempt (http-platform.md sections 10.3, 10.4). Knows credentials,
// keychain, audit and http/metrics.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/credentials.hpp>
#include <noetl/control_plane/keychain_resolver.hpp>
#include <noetl/control_plane/sealed_credential.hpp>
#include <noetl/control_plane/secret_audit.hpp>
#include <noetl/core/trimmed.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct credential_query {
   bool include_data = false;
   std::optional<noetl::execution_id> execution_id;        ///< lets the execution's keychain answer
   std::optional<noetl::execution_id> parent_execution_id; ///< for the record
   using json_rules = rules<defaulted<"include_data">>;
};

struct sealed_query {
   std::string worker_id;
   std::optional<noetl::execution_id> execution_id;
   std::optional<noetl::execution_id> parent_execution_id;
};

/// Thread-safe.
class credential_access {
public:
   credential_access(pg::shard_map& shards, credential_service& stored, keychain_resolver& keychain,
                     secret_audit& audit, http::metrics& metrics, std::string region)
       : pool_(shards.cluster()), stored_(stored), keychain_(keychain), audit_(audit), region_(std::move(region)),
         sealed_(metrics.counters("noetl_credentials_sealed_total", "Credentials sealed for workers, by outcome",
                                  {"status"})) {}

   /// Errors: not_found, forbidden, internal, upstream; see credential_service::find and keychain_resolver::resolve.
   awaitable<result<credential_view>> get(std::string identifier, credential_query how) {
      if (!how.include_data) co_return co_await stored_.find(std::move(identifier), false);
      audit_record record;
      record.credential = identifier;
      record.execution_id = how.execution_id;
      record.parent_execution_id = how.parent_execution_id;
      record.operation = "get_credential";
      auto found = co_await look(std::move(identifier), how.execution_id, record);
      auto noted = co_await note(record, found);
      if (!noted) co_return std::move(noted).error();
      co_return found;
   }

   /// The credential as compact JSON that only this worker can read.
   /// Errors: as get, and bad_request (no such worker, it has no public key, or none of 32 bytes).
   awaitable<result<sealed_envelope>> get_sealed(std::string identifier, sealed_query how) {
      audit_record record;
      record.credential = identifier;
      record.worker_id = how.worker_id;
      record.execution_id = how.execution_id;
      record.parent_execution_id = how.parent_execution_id;
      record.operation = "get_sealed";
      auto key = co_await public_key(how.worker_id);
      if (!key && key.error().code == error_code::bad_request) {
         record.outcome = "no_pubkey";
         auto noted = co_await note(record);
         if (!noted) co_return std::move(noted).error();
      }
      if (!key) co_return std::move(key).error();
      auto found = co_await look(std::move(identifier), how.execution_id, record);
      if (!found) {
         auto noted = co_await note(record, found);
         if (!noted) co_return std::move(noted).error();
         count(found.error().code == error_code::forbidden ? "residency_violation" : "credential_error");
         co_return std::move(found).error();
      }
      auto envelope = sealed(*key, *std::move(found)); // may refuse the key, which the record has to say
      bool const bad_key = !envelope && envelope.error().code == error_code::bad_request;
      record.outcome = envelope ? "ok" : bad_key ? "no_pubkey" : outcome_of(envelope.error().code);
      auto noted = co_await note(record);
      if (!noted) co_return std::move(noted).error();
      count(envelope ? "ok" : "seal_error");
      co_return envelope;
   }

private:
   static result<sealed_envelope> sealed(std::string_view key, credential_view&& what) {
      crypto::secret_bytes const plain(to_json(what));
      crypto::secret_bytes const done(std::move(what.data.text));
      return seal_for(key, plain.view());
   }

   awaitable<result<credential_view>> look(std::string identifier, std::optional<noetl::execution_id> execution,
                                           audit_record& record) {
      auto found = co_await stored_.find(identifier, true);
      if (found || found.error().code != error_code::not_found || !execution) co_return found;
      if (record.operation == "get_credential") record.operation = "resolve_keychain";
      co_return co_await keychain_.resolve(*execution, std::move(identifier));
   }

   awaitable<result<void>> note(audit_record& record, result<credential_view> const& came) {
      record.outcome = came ? "ok" : outcome_of(came.error().code);
      return note(record);
   }
   awaitable<result<void>> note(audit_record& record) {
      if (!region_.empty()) record.server_region = region_;
      if (stored_.encryption().ready()) record.kek_version = stored_.encryption().key_version();
      return audit_.write(record);
   }
   static constexpr std::string_view outcome_of(error_code code) noexcept {
      switch (code) {
      case error_code::not_found: return "credential_not_found";
      case error_code::forbidden: return "residency_violation";
      case error_code::upstream: return "provider_fetch_error";
      case error_code::validation: return "template_error";
      default: return "other";
      }
   }

   // The key that the worker registered under its name.
   awaitable<result<std::string>> public_key(std::string worker) {
      auto work = [worker](pg::connection& db) {
         return db.exec(
             "select runtime ->> 'worker_public_key' from noetl.runtime where kind = 'worker_pool' and name = $1",
             worker);
      };
      auto rows = co_await pool_.run(std::move(work));
      if (!rows) co_return std::move(rows).error();
      auto const refuse = [&](char const* status, std::string const& why) {
         count(status);
         return fail(error_code::bad_request, "worker_id: worker '" + worker + "' " + why);
      };
      if (rows->empty()) co_return refuse("worker_not_found", "is not registered");
      auto const text = rows->front()[0];
      if (!text) co_return refuse("no_pubkey", "registered no worker_public_key");
      auto key = decode_base64(trimmed(*text));
      if (!key || key->size() != crypto::key_bytes)
         co_return refuse("no_pubkey", "has a worker_public_key that is not base64 of 32 bytes");
      co_return *std::move(key);
   }

   void count(std::string_view status) { sealed_.with({status}).Increment(); }

   pg::pool& pool_;
   credential_service& stored_;
   keychain_resolver& keychain_;
   secret_audit& audit_;
   std::string const region_;
   http::labelled<prometheus::Counter>& sealed_;
};

} // namespace noetl::control_plane
