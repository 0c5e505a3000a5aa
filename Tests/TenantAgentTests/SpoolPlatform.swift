import CurlHTTP
import Foundation
import Synchronization
import TenantProtocol
import TestSupport
import Testing

@testable import TenantSpool

/// A platform within the test: it answers as it is told, and keeps what came.
final class SpoolPlatform: Sendable {
    struct Batch: Sendable, Equatable {
        var epoch: String?
        var sequence: Int?
        var ids: [String]
        var lost: [SequenceRange]
    }

    private let batches = Mutex<[Batch]>([])
    private let answer: @Sendable (Batch, Int) -> (Int, [SequenceRange])

    /// - Parameter answer: to a batch and its number from 1: a status, and what is missing
    init(_ answer: @escaping @Sendable (Batch, Int) -> (Int, [SequenceRange]) = { _, _ in (200, []) }) {
        self.answer = answer
    }

    var all: [Batch] { batches.withLock { $0 } }

    func sender(_ folder: String) -> SpoolSender {
        SpoolSender(.usage, spoolFolders(folder), log: { _ in }) {
            path, fields, body in
            #expect(path == "/cp/llm-usage-events")
            let isPacked = fields.contains(HTTPField("Content-Encoding", "gzip"))
            let plain = isPacked ? try await unpacked(body) : body
            let sent = try JSONDecoder().decode(UsageBatch.self, from: Data(plain))
            let batch = Batch(
                epoch: sent.epoch, sequence: sent.sequence, ids: sent.events.map(\.id), lost: sent.lost ?? [])
            let number = self.batches.withLock { batches in
                batches.append(batch)
                return batches.count
            }
            let (status, missing) = self.answer(batch, number)
            let receipt = UsageReceipt(accepted: 0, duplicates: 0, setAside: 0, missing: missing)
            return HTTPResponse(
                status: status, headers: [HTTPField("Retry-After", "7")],
                body: Array(try JSONEncoder().encode(receipt)))
        }
    }
}

/// By the system's own gzip.
private func unpacked(_ bytes: [UInt8]) async throws -> [UInt8] {
    try await withTemporaryFolder { folder in
        try Data(bytes).write(to: URL(filePath: "\(folder)/a.gz"))
        let (status, _) = try await runCommand("/usr/bin/gzip", ["-d", "\(folder)/a.gz"])
        #expect(status == 0)
        return Array(try Data(contentsOf: URL(filePath: "\(folder)/a")))
    }
}

func usageEvent(_ number: Int) -> UsageEvent {
    UsageEvent(
        id: String(format: "00000000-0000-4000-8000-%012d", number), workspaceID: "w", model: "m",
        provider: "p", inputTokens: number, outputTokens: 0, occurredAt: "2026-01-01T00:00:00Z")
}

func recordUsage(_ range: ClosedRange<Int>, _ folder: String, _ limits: SpoolWriter.Limits = .init())
    async throws
{
    let spool = UsageSpool(folder: folder, limits: limits)
    for number in range { try await spool.record(usageEvent(number)) }
}

func usageIDs(_ range: ClosedRange<Int>) -> [String] { range.map { usageEvent($0).id } }

/// The tenant's folder, and the sender's beside it.
func spoolFolders(_ folder: String) -> SpoolFolders {
    SpoolFolders(tenant: folder, delivery: folder + "-delivery")
}

func spoolStreams(_ folder: String) throws -> [StreamFolder] {
    let spool = try #require(try SpoolFolder(.usage, in: folder))
    return try spool.epochs().compactMap { try spool.stream($0) }
}

func spoolProgress(_ folder: String) throws -> StreamProgress {
    try deliveryFolder(folder).progress(of: try #require(try spoolStreams(folder).first))
}

func deliveryFolder(_ folder: String) throws -> DeliveryFolder {
    try DeliveryFolder(.usage, in: spoolFolders(folder).delivery)
}

func tidySpool(_ folder: String, now: Int) throws -> Int {
    guard let spool = try SpoolFolder(.usage, in: folder) else { return 0 }
    return try StreamRetention(spool, deliveryFolder(folder), now: now).tidy()
}

/// A folder of a tenant; what the sender keeps beside it goes with it.
func withSpool(_ body: (String) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
        let tenant = "\(folder)/tenant"
        try FileManager.default.createDirectory(atPath: tenant, withIntermediateDirectories: false)
        try await body(tenant)
    }
}
