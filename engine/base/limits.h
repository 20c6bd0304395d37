// Every limit of the engine, with its unit and its reason. A request beyond one is refused, never
// truncated.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cordon::limits {

// Names.
inline constexpr size_t kPrincipalBytes = 256;  // DESIGN: one row of a directory stays small
inline constexpr size_t kIdBytes = 512;         // document ids; they are keys of the store
inline constexpr size_t kNameBytes = 256;       // levels, tags, containers, destinations, models
inline constexpr size_t kCollectionBytes = 64;  // shown in logs and metrics

// Documents.
inline constexpr size_t kDimensionMax = 4096;              // widest common embedding
inline constexpr size_t kChunkTextBytes = 64 << 10;        // far beyond what a prompt takes
inline constexpr size_t kDocumentTextBytes = 8 << 20;      // a message has 16 MiB
inline constexpr size_t kTitleBytes = 4 << 10;             // a title, not a text
inline constexpr size_t kUriBytes = 4 << 10;               // browsers stop near 2 KiB
inline constexpr size_t kChunksPerDocument = 16384;        // one document is one unit of a batch
inline constexpr size_t kDocumentsPerBatch = 4096;         // one batch is one mutation
inline constexpr size_t kSubjectsPerDocument = 256;        // people whom a document is about
inline constexpr size_t kAttributesPerCollection = 64;     // columns
inline constexpr uint64_t kEraseAfter_s = 31'536'000'000;  // a thousand years
inline constexpr uint32_t kEraseAtOnce = 4096;             // documents of one mutation
inline constexpr size_t kAttributeBytes = 4 << 10;         // a value, not a text

// Policy.
inline constexpr size_t kEntriesPerAcl = 4096;       // beyond it a group is the right tool
inline constexpr size_t kInheritPerAcl = 64;         // containers of one list
inline constexpr size_t kContainerDepth = 32;        // containers above containers
inline constexpr size_t kGroupDepth = 64;            // groups within groups; deeper is an error
inline constexpr size_t kLevels = 64;                // ordered levels of a scheme
inline constexpr size_t kCompartments = 4096;        // names in a scheme
inline constexpr size_t kTags = 4096;                // names in a scheme
inline constexpr size_t kMembersPerGroup = 1000000;  // one record of the directory
inline constexpr size_t kCallersBytes = 256 << 20;   // remembered of a tenant: thousands of them
inline constexpr size_t kDirectoryRecords = 100000;  // one mutation; 16 MiB as a message

// Requests.
inline constexpr uint32_t kTopK = 10000;                 // DESIGN §6
inline constexpr uint32_t kTopKDefault = 10;             // DESIGN §6
inline constexpr size_t kQueryTextBytes = 64 << 10;      // as a chunk
inline constexpr size_t kAnswerBytes = 64 << 20;         // text of one answer: far beyond a prompt
inline constexpr size_t kPurposeBytes = 1 << 10;         // a sentence, kept in the journal
inline constexpr size_t kCheckAccessDocuments = 1000;    // one screen of results
inline constexpr size_t kQueryMessageBytes = 4 << 20;    // a query and a vector of 4,096, with room
inline constexpr size_t kIngestMessageBytes = 16 << 20;  // some 5,000 chunks of 768
inline constexpr size_t kMetadataBytes = 16 << 10;       // credentials, and room for traces
inline constexpr int kRevisionWait_ms = 5000;            // bound on at_least_revision
inline constexpr int kDeadlineCap_ms = 60000;            // deadline = min(client's, this)

// An auditor's questions.
inline constexpr uint32_t kWhoCanSeePage = 1000;      // names of one answer: some screens
inline constexpr size_t kReportPrincipals = 20000;    // judged for one key: seconds
inline constexpr size_t kReportGroups = 10000;        // labels, and sources, of one collection
inline constexpr size_t kSimulateNamed = 100;         // principals of one question
inline constexpr size_t kSimulatePrincipals = 20000;  // judged twice if none is named: seconds
inline constexpr uint32_t kSimulateDocuments = 1000;  // named for each principal and collection
inline constexpr uint32_t kSimulateDocumentsDefault = 10;
inline constexpr size_t kSimulateAnswerBytes = 16 << 20;  // of document ids in one answer
inline constexpr size_t kTrials = 16;                     // changes that wait to be tried

// The writer.
inline constexpr size_t kWriteQueueBytes = 64 << 20;  // four full messages wait
inline constexpr size_t kWriteQueue = 4096;           // small mutations that wait
inline constexpr size_t kWriteGroupBytes = 16 << 20;  // one sync covers this much

// Keys.
inline constexpr size_t kKeysPerTenant = 10000;
inline constexpr size_t kPatternsPerKey = 256;
inline constexpr size_t kTenants = 1000;
inline constexpr size_t kCertificateNameBytes = 2048;       // the longest SPIFFE ID
inline constexpr uint32_t kKeyOverlap_s = 30 * 24 * 3600;   // a month to hand out a new secret
inline constexpr size_t kDeniedCertificates = 4096;         // beyond it a new client CA is due
inline constexpr size_t kDistinguishedNameBytes = 4 << 10;  // an issuer's name
inline constexpr size_t kTlsFileBytes = 1 << 20;            // all public CAs take a quarter of it

// Tokens of users (RFC 7519) and the keys of those who issue them.
inline constexpr size_t kTokenBytes = 8 << 10;     // half of kMetadataBytes: a key fits beside it
inline constexpr size_t kTokenGroups = 1000;       // what a token of that size holds, with room
inline constexpr size_t kKeySetBytes = 1 << 20;    // a hundred times what issuers publish
inline constexpr size_t kKeysPerSet = 256;         // issuers publish fewer than 10
inline constexpr size_t kIssuers = 64;             // each has a thread that watches its keys
inline constexpr size_t kAudiencesPerIssuer = 64;  // names by which tokens address this server
inline constexpr unsigned kRsaBitsMin = 2048;      // NIST SP 800-131A: less is broken
inline constexpr unsigned kRsaBitsMax = 8192;      // more only costs time
inline constexpr int kClockSkewDefault_s = 60;     // clocks that follow NTP differ by far less
inline constexpr int kClockSkewMax_s = 300;        // more is a broken clock
inline constexpr int kTokenAgeDefault_s = 3600;    // what issuers give access tokens
inline constexpr int kTokenAgeMax_s = 86400;       // claims are late by a token's age
inline constexpr int kKeySetRefresh_s = 300;       // a URL is fetched this often
inline constexpr int kKeySetPause_ms = 10000;      // and at most this often, asked or not
inline constexpr int kKeyFilePause_ms = 1000;      // a file is looked at this often
inline constexpr int kKeySetFetch_ms = 5000;       // bound on one fetch
inline constexpr int kKeySetWait_ms = 2000;        // a token of an unknown key waits this long
inline constexpr int kKeySetStale_s = 24 * 3600;   // keys not confirmed for so long are dropped

// Journal.
inline constexpr size_t kJournalRecordBytes = 24
                                              << 20;    // a whole ApplyDirectory, kept for restores
inline constexpr size_t kJournalQueueBytes = 64 << 20;  // records that wait for the disk
inline constexpr uint64_t kJournalFileBytes = 256 << 20;  // a file that is easily copied
inline constexpr size_t kJournalTail = 10000;             // records of one listing

}  // namespace cordon::limits
