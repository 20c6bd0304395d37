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
inline constexpr size_t kDimensionMax = 4096;           // widest common embedding
inline constexpr size_t kChunkTextBytes = 64 << 10;     // far beyond what a prompt takes
inline constexpr size_t kDocumentTextBytes = 8 << 20;   // a message has 16 MiB
inline constexpr size_t kTitleBytes = 4 << 10;          // a title, not a text
inline constexpr size_t kUriBytes = 4 << 10;            // browsers stop near 2 KiB
inline constexpr size_t kChunksPerDocument = 16384;     // one document is one unit of a batch
inline constexpr size_t kDocumentsPerBatch = 4096;      // one batch is one mutation
inline constexpr size_t kSelectedPerCall = 100000;      // SetAccessSelected: some ten seconds
inline constexpr size_t kSelectedPageBytes = 8 << 20;   // stored records that one mutation rewrites
inline constexpr size_t kSelectionsQueue = 16;          // calls that wait for the one at work
inline constexpr size_t kSubjectsPerDocument = 256;     // people whom a document is about
inline constexpr size_t kAttributesPerCollection = 64;  // columns
inline constexpr size_t kEmbeddedPage = 256;  // documents of a page: a few calls of an endpoint
inline constexpr size_t kEmbeddedPageBytes = 4 << 20;  // of vectors; a larger document comes alone
inline constexpr size_t kEmbeddedDocumentBytes = 48 << 20;  // one must pass the writer's queue
inline constexpr size_t kFilledBytes = 128 << 20;  // written anew: any document that can be stored
inline constexpr uint64_t kEraseAfter_s = 31'536'000'000;  // a thousand years
inline constexpr uint32_t kEraseAtOnce = 4096;             // documents of one mutation
inline constexpr size_t kAttributeBytes = 4 << 10;         // a value, not a text

// Runs of Ingest.
inline constexpr size_t kRunBytes = 256;          // a run's name, as other names
inline constexpr size_t kRunPositionBytes = 64;   // a place in a file and a digest
inline constexpr size_t kRunBatches = 32;         // remembered: eight times what a stream has open
inline constexpr size_t kRunsPerKey = 256;        // in one collection; those that ended make room
inline constexpr int64_t kRunAge_s = 30 * 86400;  // one without a batch for so long makes room, too

// Policy.
inline constexpr size_t kEntriesPerAcl = 10000;      // of allow, of deny; beyond it a group
inline constexpr size_t kInheritPerAcl = 64;         // containers of one list
inline constexpr size_t kContainerDepth = 32;        // containers above containers
inline constexpr size_t kGroupDepth = 64;            // groups within groups; deeper is an error
inline constexpr size_t kLevels = 64;                // ordered levels of a scheme
inline constexpr size_t kCompartments = 4096;        // names in a scheme
inline constexpr size_t kTags = 4096;                // names in a scheme
inline constexpr size_t kRegionsPerScope = 256;      // there are not as many countries
inline constexpr size_t kMembersPerGroup = 1000000;  // one record of the directory
inline constexpr size_t kCallersBytes = 256 << 20;   // remembered of a tenant: thousands of them
inline constexpr size_t kTrustTiers = 64;            // as levels
inline constexpr size_t kQuarantinedSources = 4096;  // beyond it documents are better deleted
inline constexpr size_t kContainers = 100000;        // the folders of a large file share
inline constexpr size_t kDestinations = 10000;       // models, applications and their endpoints
inline constexpr size_t kCollections = 1000;         // embedding spaces of a tenant
inline constexpr size_t kReasonBytes = 1 << 10;      // a sentence, kept in the journal
inline constexpr uint32_t kHistoryPage = 1000;       // changes of one answer: some screens
inline constexpr uint32_t kHistoryPageDefault = 20;  // one screen

// The directory.
inline constexpr size_t kDirectoryRecords = 100000;      // one mutation; 16 MiB as a message
inline constexpr size_t kRecordsPerDirectory = 1000000;  // all are in memory, some 300 bytes each
inline constexpr size_t kGroupsPerCaller = 10000;        // judged with each of a caller's questions
inline constexpr size_t kAliasesPerPrincipal = 256;      // spellings: a few for each issuer
inline constexpr uint32_t kMembersPage = 10000;          // members of one answer: 2.5 MiB
inline constexpr uint32_t kMembersPageDefault = 1000;    // some screens
inline constexpr size_t kSyncBytes = size_t{1} << 30;    // a snapshot waits in the store
inline constexpr size_t kSyncToldBytes = 16 << 20;       // of changes, kept in one journal record
inline constexpr size_t kSyncsPerTenant = 4;             // sources that send one at a time
inline constexpr uint32_t kSyncRemovalsDefault_pct = 10;  // more is rarely meant
inline constexpr size_t kSyncNames = 1000;                // of a dry run, of each kind

// The listing of a source of documents.
inline constexpr size_t kListedDocuments = 4'000'000;   // some 60 bytes each are remembered
inline constexpr size_t kListedUnchanged = 100'000;     // in a message: a tenth of a second
inline constexpr size_t kListingsPerTenant = 4;         // on their way in: 1 GB at worst
inline constexpr size_t kListingsOfOne = 2;             // of one caller: two take all places
inline constexpr int kListingSilence_s = 60;            // after it a place may go to who needs it
inline constexpr size_t kListedRefusals = 1000;         // that one answer tells of
inline constexpr size_t kListedRefusalBytes = 1 << 20;  // of them: an answer holds 4 MiB

// Index.
inline constexpr size_t kMaskCacheBytes = 128 << 20;  // of a collection: hundreds of callers at 1M

// Requests.
inline constexpr uint32_t kTopK = 10000;                 // DESIGN §6
inline constexpr uint32_t kTopKDefault = 10;             // DESIGN §6
inline constexpr double kRecallMin = 0.5;                // less is no answer
inline constexpr double kRecallMax = 0.999;              // more is mode exact
inline constexpr size_t kQueryTextBytes = 64 << 10;      // as a chunk
inline constexpr size_t kQueryTerms = 1024;              // each is looked up in every segment
inline constexpr size_t kFilterParts = 256;              // of one filter, and/or/not included
inline constexpr size_t kFilterDepth = 16;               // of a filter within filters
inline constexpr size_t kFilterValues = 4096;            // of all sets of a filter: a list of ids
inline constexpr uint32_t kFusionDepth = 10000;          // as k
inline constexpr uint32_t kFusionDepthDefault = 50;      // twice what a prompt takes, and more
inline constexpr uint32_t kFusedForEachDefault = 2;      // of k: docs/decisions/fusion.md
inline constexpr double kFusionWeightMax = 1e6;          // beyond it one ranking alone would do
inline constexpr double kBm25K1Max = 10;                 // counts are as good as unbounded then
inline constexpr double kBm25K1Default = 1.2;            // what Lucene takes
inline constexpr double kBm25BDefault = 0.75;            // likewise
inline constexpr size_t kAnswerBytes = 64 << 20;         // text of one answer: far beyond a prompt
inline constexpr size_t kPurposeBytes = 1 << 10;         // a sentence, kept in the journal
inline constexpr size_t kCheckAccessDocuments = 1000;    // one screen of results
inline constexpr size_t kQueryMessageBytes = 4 << 20;    // a query and a vector of 4,096, with room
inline constexpr size_t kIngestMessageBytes = 16 << 20;  // some 5,000 chunks of 768
inline constexpr size_t kMetadataBytes = 16 << 10;       // credentials, and room for traces
inline constexpr int kRevisionWait_ms = 5000;            // bound on at_least_revision
inline constexpr size_t kRevisionWaiters = 256;          // a timer and a request each
inline constexpr size_t kRevisionWaitersOfOne = 64;      // of one caller: four take all places
inline constexpr int kDeadlineCap_ms = 60000;            // deadline = min(client's, this)

// The server, and what is set of it.
inline constexpr int kServerThreads = 256;            // beyond it they wait for one another
inline constexpr int kServerQueue = 1'000'000;        // calls that wait, some kilobytes each
inline constexpr int kServerQueueDefault = 1024;      // a burst: tenths of a second of small calls
inline constexpr int kStreamsPerConnection = 100;     // HTTP/2's own least; more open another
inline constexpr size_t kTransportBytes = 512 << 20;  // of all connections: 32 full messages
inline constexpr int kConnectionAge_ms = 1'800'000;   // half an hour: a client meets new TLS files
inline constexpr int kPingEvery_ms = 60'000;          // of silence: is the client still there?
inline constexpr int kPingTimeout_ms = 20'000;        // idle clients of gRPC in C++ take up to 5 s
inline constexpr int kPingPause_ms = 1000;            // clients may ask so often whether we live
inline constexpr size_t kBackupQueue = 16;            // calls about backups: each takes minutes
inline constexpr unsigned kMetricsConnections = 20;   // a scraper needs one for a moment
inline constexpr unsigned kMetricsSilence_s = 3;      // then a connection is closed
inline constexpr size_t kMetricsBytes = 16 << 10;     // of a request: a scraper sends some hundred

// From passages to a context.
inline constexpr uint32_t kCandidates = 1000;          // looked at, or k, whichever is more
inline constexpr uint32_t kDiversityFactor = 4;        // candidates for each passage that is chosen
inline constexpr uint32_t kReranked = 200;             // texts in one call of a reranker
inline constexpr uint32_t kNeighbours = 8;             // on each side; more is a document's parent
inline constexpr uint32_t kTokenBudget = 100'000'000;  // ten times the longest prompts
inline constexpr int kBatchQueries = 100;              // of one call: a screen of results each
inline constexpr int kStreamPassages = 16;             // of one message, and of one journal record
inline constexpr size_t kVocabularyBytes = 64 << 20;   // ten times the largest in use
inline constexpr size_t kVocabularyTokens = 4 << 20;   // twenty times the largest in use

// HTTP endpoints that embed and rerank.
inline constexpr size_t kEndpoints = 64;                   // of one server
inline constexpr size_t kEndpointAnswerBytes = 64 << 20;   // 256 texts of 4,096 numbers, printed
inline constexpr size_t kEndpointKeyBytes = 4 << 10;       // a token in a header
inline constexpr int kEndpointBatch = 256;                 // texts of one call
inline constexpr int kEndpointCalls = 64;                  // to one endpoint at once
inline constexpr int kEndpointDeadlineDefault_ms = 10000;  // a model under load still answers
inline constexpr int kEndpointDeadlineMax_ms = 60000;      // as a call's own
inline constexpr int kEndpointTries = 4;                   // of one call, within its deadline
inline constexpr int kEndpointBackoff_ms = 100;            // before the second try; doubles
inline constexpr int kEndpointFailures = 5;                // in a row open the circuit
inline constexpr int kEndpointPause_ms = 10000;      // for which an open circuit refuses at once
inline constexpr size_t kEndpointWaiters = 64;       // calls that wait while as many ask as may
inline constexpr size_t kEndpointWaitersOfOne = 32;  // of one caller: others find places too

// An auditor's questions.
inline constexpr uint32_t kWhoCanSeePage = 1000;      // names of one answer: some screens
inline constexpr size_t kReportPrincipals = 20000;    // judged for one key: seconds
inline constexpr size_t kReportGroups = 10000;        // labels, and sources, of one collection
inline constexpr size_t kSimulateNamed = 100;         // principals of one question
inline constexpr size_t kSimulatePrincipals = 20000;  // judged twice if none is named: seconds
inline constexpr uint32_t kSimulateDocuments = 1000;  // named for each principal and collection
inline constexpr uint32_t kSimulateDocumentsDefault = 10;  // examples, beside the counts
inline constexpr size_t kSimulateAnswerBytes = 16 << 20;   // of document ids in one answer
inline constexpr size_t kTrials = 16;                      // changes that wait to be tried

// Export.
inline constexpr size_t kExportDocuments = 1000;           // named by one call; one message's most
inline constexpr size_t kExportPartBytes = 4 << 20;        // a message is sent once it has as much
inline constexpr size_t kExportDocumentBytes = 128 << 20;  // one document, with its vectors

// Break-glass.
inline constexpr int64_t kBreakGlassMax_s = 8 * 3600;  // a shift; who needs longer opens another
inline constexpr size_t kBreakGlassOpen = 1000;        // of a tenant; more is no emergency

// The writer.
inline constexpr size_t kWriteQueueBytes = 64 << 20;  // four full messages wait
inline constexpr size_t kWriteQueue = 4096;           // small mutations that wait
inline constexpr size_t kWriteGroupBytes = 16 << 20;  // one sync covers this much
inline constexpr size_t kWriteGroup = 1024;           // or so many: the next ones fill up meanwhile

// Keys.
inline constexpr size_t kKeyBytes = 256;               // twice the longest that is made
inline constexpr size_t kKeysPerTenant = 10000;        // all are in memory, copied when one changes
inline constexpr size_t kPatternsPerKey = 256;         // tried one after the other
inline constexpr size_t kTenants = 1000;               // each has a journal, open all the time
inline constexpr size_t kCertificateNameBytes = 2048;  // the longest SPIFFE ID
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
inline constexpr size_t kIssuerBytes = 1 << 10;    // its name, and an audience's: URLs
inline constexpr size_t kAudiencesPerIssuer = 64;  // names by which tokens address this server
inline constexpr unsigned kRsaBitsMin = 2048;      // NIST SP 800-131A: less is broken
inline constexpr unsigned kRsaBitsMax = 8192;      // more only costs time
inline constexpr int kClockSkewDefault_s = 60;     // clocks that follow NTP differ by far less
inline constexpr int kClockSkewMax_s = 300;        // more is a broken clock
inline constexpr int kTokenAgeDefault_s = 3600;    // what issuers give access tokens
inline constexpr int kTokenAgeMax_s = 86400;       // claims are late by a token's age
inline constexpr int kKeyCommand_ms = 30000;       // a start waits so long for its master key
inline constexpr int kKeySetRefresh_s = 300;       // a URL is fetched this often
inline constexpr int kKeySetPause_ms = 10000;      // and at most this often, asked or not
inline constexpr int kKeySetPauseMax_s = 3600;     // a new key is unknown for so long
inline constexpr int kKeyFilePause_ms = 1000;      // a file is looked at this often
inline constexpr int kKeySetFetch_ms = 5000;       // bound on one fetch
inline constexpr int kKeySetWait_ms = 2000;        // a token of an unknown key waits this long
inline constexpr int kKeySetStale_s = 24 * 3600;   // keys not confirmed for so long are dropped

// The clock.
inline constexpr int kClockStep_s = 600;  // above NTP's steps and paused machines, below embargoes

// Journal.
inline constexpr size_t kJournalRecordBytes = 24
                                              << 20;    // a whole ApplyDirectory, kept for restores
inline constexpr size_t kJournalQueueBytes = 64 << 20;  // records that wait for the disk
inline constexpr uint64_t kJournalFileBytes = 256 << 20;  // a file that is easily copied
inline constexpr size_t kJournalTail = 10000;             // records of one listing
inline constexpr uint32_t kJournalLines = 1000;           // of one answer: some screens
inline constexpr uint32_t kJournalLinesDefault = 20;      // one screen

}  // namespace cordon::limits
