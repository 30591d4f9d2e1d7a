import { assert } from './base/assert.ts'
import { KiB, MiB } from './base/sizes.ts'

// Every bound of the broker, with its unit and its reason. Nothing else in the tree names a number
// that limits a client, a file or a queue. How the bounds relate is asserted at the end.

/** Largest request frame, bytes. Kafka: socket.request.max.bytes. */
export const requestSizeMax = 100 * MiB
/**
 * Bytes of requests held by all connections; reading stops above it. Kafka:
 * queued.max.request.bytes.
 */
export const requestsTotalSizeMax = 256 * MiB
/** Most elements (array entries and known tagged fields) that one request may decode to. */
export const decodedElementsMax = 250_000
/**
 * Smallest piece that the response writer passes on without copying, bytes: below it a copy is
 * cheaper than a piece.
 */
export const writerChunkSizeMin = 4 * KiB
/**
 * How much more memory than has arrived a begun frame may hold: a client that declares 100 MiB and
 * sends one byte holds one.
 */
export const frameGrowthFactor = 4
/** Most tagged fields of one structure; KIP-482 sets no bound, Kafka has not got past five. */
export const taggedFieldsMax = 64
/** Most tagged fields of a request header: it is read before anybody has proved who they are. */
export const headerTaggedFieldsMax = 16
/** Largest tagged field, bytes. */
export const taggedFieldSizeMax = 128 * KiB
/** Longest text that is remembered between requests, bytes: few names are longer. */
export const recentTextSizeMax = 64
/** Largest string, bytes: what an int16 length can say, and compact strings may say no more. */
export const stringSizeMax = 32_767

/** Bytes that one read of a socket may bring; one such buffer serves all connections. */
export const readBufferSize = 256 * KiB
/** Buffers in which requests are gathered: smallest and largest that are used again, bytes. */
export const pooledFrameSizeMin = 64 * KiB
export const pooledFrameSizeMax = 4 * MiB
/** Bytes of such buffers that are kept for later. */
export const framePoolSizeMax = 16 * MiB
/**
 * Connections that the system may hold before they are accepted: a whole fleet may reconnect at
 * once.
 */
export const listenBacklog = 1024
/** Silence after which the system asks whether the other machine is still there, milliseconds. */
export const keepAliveDelayMs = 60_000
/** Most open connections. Kafka: max.connections. */
export const connectionsMax = 10_000
/**
 * Most open connections from one address that is not this machine's. Kafka: max.connections.per.ip.
 */
export const connectionsPerAddressMax = 1_000
/**
 * A connection that is silent for so long is closed, milliseconds. Kafka: connections.max.idle.ms.
 */
export const connectionIdleMaxMs = 10 * 60 * 1000
/**
 * A request that has begun to arrive must be whole within this time, milliseconds: a slow sender
 * holds memory.
 */
export const requestArrivalMaxMs = 30_000
/** Unless it keeps arriving at this rate, bytes per second: a large request over a slow line. */
export const requestArrivalRateMin = 8 * KiB
/** A client that takes nothing of its answers for so long is closed, milliseconds. */
export const writeStallMaxMs = 30_000
/** How often connections are looked at for the three times above, milliseconds. */
export const connectionSweepIntervalMs = 1_000
/**
 * Batches of one partition that may be on their way to the disk until a produce request with acks=0
 * waits as well, and its connection with it: 300 bytes each are remembered, and a client that hears
 * of nothing does not stop while the disk stands still.
 */
export const unheardAppendsMax = 10_000
/**
 * Shortest time that a request waits for the disk, ms, whatever its timeoutMs says. In Kafka that
 * counts for replicas and other brokers only, and clients that have none may say 0.
 */
export const diskWaitMinMs = 1_000
/**
 * How long a request without a timeoutMs waits for what it needs to be made, ms: a topic for
 * Metadata, the offsets topic for FindCoordinator, producer ids. Kafka does not wait at all, and
 * clients ask again in the same way.
 */
export const implicitChangeWaitMs = 5_000
/** How long a change of configs is waited for, ms: as clients do. Kafka: request.timeout.ms. */
export const configChangeWaitMs = 30_000
/**
 * How far the present may lie behind the last LogAppendTime of a partition and still be stamped
 * with that, milliseconds: longer than any clock is corrected that is kept by NTP.
 */
export const appendTimeHeldMs = 60_000
/**
 * Produce requests of one connection that may be at work together: their syncs are shared. Clients
 * send 5 by default.
 */
export const producesInFlightMax = 32
/**
 * Largest answer that is written to a socket's descriptor at once, bytes: larger ones may not fit,
 * and their copying outweighs what it saves.
 */
export const directWriteSizeMax = 16 * KiB
/** Bytes of answers that may wait in one connection before its next request is started. */
export const answersUnsentSizeMax = 64 * KiB
/**
 * Bytes read and to be sent in one turn of the event loop, beyond which answers do not wait for its
 * end.
 */
export const departureDelaySizeMax = 128 * KiB
/** Largest batch of the cluster metadata log, bytes: one request may make 10,000 partitions. */
export const metadataBatchSizeMax = 16 * MiB
/**
 * Shortest time without a turn of the event loop that counts as a pause of the whole process,
 * milliseconds, however short sessions may be: a busy machine takes less.
 */
export const ownPauseMinMs = 250
/** How long a broker that is asked to stop waits for the requests at work, milliseconds. */
export const shutdownGraceMs = 5_000
/**
 * How long a broker that stops goes on waiting for a disk that finishes nothing, milliseconds. What
 * is acknowledged is durable by then, and a supervisor would kill it in the end.
 */
export const shutdownStallMs = 30_000

/**
 * Longest topic name, characters: the folder of a partition, with its number, fits 255 bytes.
 * Kafka: Topic.MAX_NAME_LENGTH.
 */
export const topicNameLengthMax = 249
/**
 * Most partitions that one request may create. Kafka:
 * ReplicationControlManager.MAX_PARTITIONS_PER_BATCH.
 */
export const partitionsPerRequestMax = 10_000
/**
 * Producer ids that are taken from the metadata log at once. Kafka:
 * ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE.
 */
export const producerIdBlockSize = 1000
/**
 * Records of the metadata log below which it is not written anew at start: they replay in
 * milliseconds. Kafka bounds bytes: metadata.log.max.record.bytes.between.snapshots.
 */
export const metadataRewriteRecordsMin = 10_000
/** Longest value of one config, characters: an int16 must hold it. Kafka: Short.MAX_VALUE. */
export const configValueLengthMax = 32_767

/**
 * Most producer ids remembered by one partition, about 400 bytes each: the longest idle ones leave
 * first.
 */
export const producersPerPartitionMax = 10_000
/**
 * Snapshots of producers that are kept for one log: when the newest is damaged, the one before it
 * saves reading the whole log.
 */
export const snapshotsKeptMax = 2
/**
 * Bytes appended to a log until another snapshot of its producers is taken: the most that a start
 * after a crash has to read to know them, as long as the snapshot itself is small.
 */
export const snapshotInterval = 4 * MiB
/**
 * Least time between two snapshots of one log but the last, milliseconds: one that is written to
 * fast is not slowed by them, and a start reads what came in that time in less.
 */
export const snapshotIntervalMs = 1000
/** Bytes appended for each byte of a snapshot, so that writing large ones stays a small part. */
export const snapshotSizeShare = 8
/** Bytes read at a time when a log is read from end to end: few reads, little memory held. */
export const replayReadSize = 1 * MiB
/**
 * Bytes read at a time when the batch found for a timestamp holds it only below the log's start.
 */
export const timestampReadSize = 64 * KiB
/**
 * A fetch session younger than this, or used since, is not evicted for another, milliseconds.
 * Kafka: 2 minutes.
 */
export const fetchSessionEvictionMs = 120_000
/**
 * Most partitions remembered by all fetch sessions together, about 200 bytes each; Kafka bounds the
 * sessions only.
 */
export const fetchSessionPartitionsMax = 500_000

/**
 * Smallest and largest size class of the buffers that reads are given, bytes; classes grow
 * fourfold.
 */
export const pooledBufferSizeMin = 4 * KiB
export const pooledBufferSizeMax = 1 * MiB
/** Memory that a log directory keeps in read buffers, unused or for the next reader, bytes. */
export const pooledBuffersSizeMax = 48 * MiB
/**
 * Memory for reads that the next reader of the same place may share, bytes: while nobody does, and
 * at most. A lone reader is quicker with few buffers than with many.
 */
export const recentReadsSizeMin = 2 * MiB
export const recentReadsSizeMax = 32 * MiB
/** The smallest read that is shared: below, a checksum costs less than the bookkeeping. */
export const recentReadSizeMin = 64 * KiB
/**
 * Most bytes that one read of a log returns, the first batch excepted: a larger piece would hold
 * the event loop.
 */
export const logReadSizeMax = 1 * MiB
/**
 * Files of segments that are open at once, at most; those with bytes that wait for their sync come
 * on top. Each costs the system a little more than a kilobyte. Half of the descriptors of the
 * process are left to connections.
 */
export const openFilesMax = 16_384
/** The same where the system does not say how many descriptors the process may have. */
export const openFilesAssumedMax = 2048
/**
 * Memory for the indexes of sealed segments, bytes; those not used for longest are read again when
 * needed.
 */
export const sealedIndexesSizeMax = 64 * MiB
/**
 * Logs whose files are synced side by side: they share commits of the file system, but reads need
 * threads too.
 */
export const syncsInFlightMax = 8
/** How old the note of a log's durable end gets before a sync takes it along, milliseconds. */
export const noteSyncIntervalMs = 100
/**
 * After a crash recovery reads at most so much of a segment again that was known to be in order,
 * bytes.
 */
export const segmentMarkInterval = 4 * MiB
/**
 * Index files up to this size are read on the event loop, bytes: the way through the thread pool
 * takes longer.
 */
export const indexReadAtOnceSizeMax = 64 * KiB
/** Bytes at the end of a log that were written so recently that reading them waits for no disk. */
export const hotTailSize = 64 * MiB
/** Most bytes of a torn tail that recovery keeps in a file of its own. */
export const tornTailSavedSizeMax = 64 * MiB
/** Logs that are opened or closed side by side. Kafka: num.recovery.threads.per.data.dir. */
export const logsTogetherMax = 16
/** Damaged ranges of one log that are remembered for reports. */
export const damagedRangesMax = 100

/**
 * How long a sync waits for a descriptor when the process has none left, milliseconds: connections
 * come and go.
 */
export const descriptorRetryMs = 10
/** How often the file system is asked how much is free, milliseconds: it costs microseconds. */
export const spaceCheckIntervalMs = 1_000
/**
 * Most bytes that are kept free for what has to be written on a nearly full disk. Kafka: none; it
 * stops when the disk is full.
 */
export const spaceFloorSizeMax = 512 * MiB

/** Bytes that the scrub reads at a time: a fraction of a millisecond of checksums. */
export const scrubChunkSize = 256 * KiB
/** After a start the scrub waits, milliseconds: recovery and clients that come back go first. */
export const scrubFirstLookMs = 60_000
/** How often the scrub looks for segments that are due, milliseconds. */
export const scrubLookIntervalMs = 10 * 60_000
/** Between the small files of one log and those of the next the scrub waits, milliseconds. */
export const scrubFolderPauseMs = 5
/** A read that takes longer says that the disk is busy, milliseconds. */
export const scrubSlowReadMs = 50
/** A pause that ends so much too late says that the event loop is busy, milliseconds. */
export const scrubLateMaxMs = 20
/** Longest pause of the scrub while the machine is busy, milliseconds: even then it goes on. */
export const scrubBackoffMaxMs = 10_000

/**
 * Longest wait for the first look at retention after a start, milliseconds. Kafka:
 * log.initial.task.delay.ms.
 */
export const retentionFirstCheckMaxMs = 30_000
/** Partitions that retention looks at in one turn of the event loop, about 3 µs each. */
export const retentionPartitionsPerTurn = 500
/**
 * A wall clock that moves more than this against the monotonic one has jumped, milliseconds: what
 * is old by it is not deleted for now.
 */
export const wallClockJumpMaxMs = 3_600_000
/** How long a wall clock that has jumped must go on steadily to be believed, milliseconds. */
export const wallClockSettleMs = 3_600_000
/** Both, for whoever watches the wall clock. */
export const wallClockBounds = { jumpMaxMs: wallClockJumpMaxMs, settleMs: wallClockSettleMs }

/**
 * Most memory that a compaction takes for keys, bytes, whatever log.cleaner.dedupe.buffer.size
 * says; 24 bytes a key, and no more than there are new records.
 */
export const compactionKeysSizeMax = 2048 * MiB
/**
 * Bytes that compaction reads at a time: what it does with them, some 20 ns a byte, holds up
 * everybody else. Kafka: log.cleaner.io.buffer.size.
 */
export const compactionReadSize = 256 * KiB

/**
 * How long a new member's first JoinGroup may be parked, milliseconds. Kafka:
 * GroupCoordinatorConfig.CLASSIC_GROUP_NEW_MEMBER_JOIN_TIMEOUT_MS.
 */
export const classicNewMemberJoinTimeoutMs = 5 * 60 * 1000
/**
 * Member ids of one group that were given out and have not come back: each one holds up the next
 * generation.
 */
export const pendingJoinsMax = 10_000
/**
 * Groups that one coordinator shard keeps; beyond, no new ones are made. A broker has 50 shards.
 */
export const groupsPerShardMax = 100_000
/**
 * Characters of a client id or instance id that its member id begins with: with a uuid, it must fit
 * a string.
 */
export const memberIdPrefixLengthMax = 10_000
/**
 * Bytes of records that may wait in one coordinator shard while a batch is on its way to the disk:
 * beyond, clients hear COORDINATOR_NOT_AVAILABLE. Each of them repeats what was not answered, so a
 * disk that stands still would fill the memory. Kafka: none; its appends wait for the page cache.
 */
export const shardRecordsWaitingSizeMax = 4 * MiB
/** Largest batch that a coordinator writes, bytes; the topic's max.message.bytes may be less. */
export const coordinatorBatchSizeMax = 1 * MiB
/**
 * How long a coordinator shard waits before it reads its log again after that failed, milliseconds.
 */
export const shardReloadDelayMs = 1_000

/**
 * Most bytes that the records of one compressed batch may unpack to; a producer splits what is
 * refused. Kafka: none.
 */
export const decompressedSizeMax = 64 * MiB
/**
 * Largest window of a zstd frame, bytes: what its decoder may have to look back. Kafka: zstd's own
 * default, `ZSTD_WINDOWLOG_LIMIT_DEFAULT`.
 */
export const zstdWindowSizeMax = 128 * MiB
/** Memory that a codec in WebAssembly keeps from one batch to the next, bytes. */
export const wasmMemoryKeptMax = 32 * MiB
/**
 * Record errors that one Produce answer names for a batch: more would outgrow the batch. Kafka
 * names all.
 */
export const recordErrorsMax = 1_000

assert(
  requestsTotalSizeMax >= requestSizeMax,
  'one request of the largest size must be able to enter'
)
assert(
  requestArrivalMaxMs < connectionIdleMaxMs,
  'a slow request is noticed before a silent connection'
)
assert(
  3 * memberIdPrefixLengthMax + 37 <= stringSizeMax,
  'a member id of any client fits a string: three bytes a character, a dash and a uuid'
)
