import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantSpool

@Suite struct SpoolTests {
    @Test func whatIsRecordedIsSentOnceInOrderFromOne() async throws {
        try await withSpool { folder in
            try await recordUsage(1...5, folder)
            let platform = SpoolPlatform()
            let sender = platform.sender(folder)
            #expect(try await sender.sendAll() == 5)
            #expect(try await sender.sendAll() == 0)
            try await recordUsage(6...6, folder)
            #expect(try await sender.sendAll() == 1)
            let epoch = try spoolStreams(folder)[0].epoch
            #expect(
                platform.all == [
                    .init(epoch: epoch, sequence: 1, ids: usageIDs(1...5), lost: []),
                    .init(epoch: epoch, sequence: 6, ids: usageIDs(6...6), lost: []),
                ])
            #expect(UUID(uuidString: epoch) != nil)
        }
    }

    @Test func batchesKeepTheLimitsOfTheWire() async throws {
        try await withSpool { folder in
            let spool = UsageSpool(folder: folder, limits: .init(segmentBytes: 50_000))
            try await withThrowingTaskGroup { group in
                for number in 1...2_300 { group.addTask { try await spool.record(usageEvent(number)) } }
                try await group.waitForAll()
            }
            let platform = SpoolPlatform()
            #expect(try await platform.sender(folder).sendAll() == 2_300)
            #expect(platform.all.map(\.ids.count) == [1_000, 1_000, 300])
            #expect(platform.all.map(\.sequence) == [1, 1_001, 2_001])
            #expect(Set(platform.all.flatMap(\.ids)) == Set(usageIDs(1...2_300)))
            #expect(try spoolStreams(folder)[0].segments().count > 1)
        }
    }

    @Test func anAnswerThatIsNoneIsAnObstacleAndTheSamePlacesGoAgain() async throws {
        try await withSpool { folder in
            try await recordUsage(1...3, folder)
            let platform = SpoolPlatform { _, number in (number < 3 ? (number == 1 ? 503 : 401) : 200, []) }
            for _ in 0..<2 {
                let obstacle = await #expect(throws: SpoolSender.Obstacle.self) {
                    try await platform.sender(folder).sendAll()
                }
                #expect(obstacle?.retryAfter == .seconds(7))
            }
            #expect(try await platform.sender(folder).sendAll() == 3)
            #expect(Set(platform.all.map(\.ids)) == [usageIDs(1...3)])
            #expect(Set(platform.all.map(\.sequence)) == [1])
        }
    }

    /// Kept apart for people, told as lost, and everything else goes.
    @Test func theOneBadEventIsFoundByHalves() async throws {
        try await withSpool { folder in
            try await recordUsage(1...9, folder)
            let platform = SpoolPlatform { batch, _ in (batch.ids.contains(usageEvent(6).id) ? 400 : 200, [])
            }
            #expect(try await platform.sender(folder).sendAll() == 9)
            let taken = platform.all.filter { !$0.ids.contains(usageEvent(6).id) }
            #expect(taken.flatMap(\.ids) == usageIDs(1...5) + usageIDs(7...9))
            #expect(taken.flatMap(\.lost) == [SequenceRange(from: 6, to: 6)])
            let epoch = try spoolStreams(folder)[0].epoch
            let kept = "\(spoolFolders(folder).delivery)/usage/refused/\(epoch)-6.txt"
            #expect(try String(contentsOfFile: kept, encoding: .utf8).contains(usageEvent(6).id))
            #expect(try spoolProgress(folder) == StreamProgress(acknowledged: 9, lost: [], refused: 1))
        }
    }

    @Test func whatThePlatformMissesIsSentAgainOrNamedAsLost() async throws {
        try await withSpool { folder in
            try await recordUsage(1...8, folder, .init(segmentBytes: 1))
            let stream = try spoolStreams(folder)[0]
            let segments = try stream.segments()
            #expect(segments.count == 8)
            let platform = SpoolPlatform { _, number in
                (200, number == 1 ? [SequenceRange(from: 2, to: 4)] : [])
            }
            let sender = platform.sender(folder)
            // 3 is no longer here by the time that it is asked for.
            let first = SpoolPlatform()
            _ = try await first.sender(folder).sendAll()
            try stream.folder.remove(segments[2].name)
            try await recordUsage(9...9, folder)
            _ = try await sender.sendAll()
            #expect(platform.all.map(\.ids) == [usageIDs(9...9), usageIDs(2...2), usageIDs(4...4)])
            #expect(platform.all.map(\.lost) == [[], [], [SequenceRange(from: 3, to: 3)]])
        }
    }

    @Test func atItsLimitNothingNewIsTakenAndNothingOldIsDropped() async throws {
        try await withSpool { folder in
            let limits = SpoolWriter.Limits(maximumBytes: 2_000, segmentBytes: 500)
            let spool = UsageSpool(folder: folder, limits: limits)
            var taken = 0
            let refusal = await #expect(throws: SpoolWriter.Refusal.self) {
                while true {
                    try await spool.record(usageEvent(taken + 1))
                    taken += 1
                }
            }
            #expect(refusal == .full(limit: 2_000) && taken > 3)
            let platform = SpoolPlatform()
            #expect(try await platform.sender(folder).sendAll() == taken)
            // Once the platform has it and it is old, there is room again.
            #expect(try tidySpool(folder, now: Int(Date().timeIntervalSince1970)) == 0)
            let later = Int(Date().timeIntervalSince1970) + StreamRetention.keptSeconds + 60
            #expect(try tidySpool(folder, now: later) > 1)
            try await eventually("room") {
                (try? await spool.record(usageEvent(taken + 1))) != nil
            }
            #expect(try await platform.sender(folder).sendAll() == 1)
            #expect(platform.all.last?.sequence == taken + 1)
        }
    }

    @Test func aStreamThatHasEndedIsRemovedOnceItIsOld() async throws {
        try await withSpool { folder in
            try await recordUsage(1...2, folder)
            let later = Int(Date().timeIntervalSince1970) + StreamRetention.keptSeconds + 60
            _ = try tidySpool(folder, now: later)
            #expect(try spoolStreams(folder).count == 1, "it was not sent yet")
            _ = try await SpoolPlatform().sender(folder).sendAll()
            let lock = try FileLockHolder(try spoolStreams(folder)[0].folder.path + "/writer.lock")
            _ = try tidySpool(folder, now: later)
            #expect(try spoolStreams(folder).count == 1, "somebody writes it")
            lock.release()
            _ = try tidySpool(folder, now: later)
            #expect(try spoolStreams(folder).isEmpty)
        }
    }
}

/// A writer of another process, as far as its lock goes.
private final class FileLockHolder {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = open(path, O_RDWR)
        try #require(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    }

    func release() { close(descriptor) }
}
