import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantSpool

/// What a stream's end looks like when its writer begins again.
@Suite struct SpoolContinuityTests {
    private static func segment(_ folder: String) throws -> String {
        let stream = try #require(try spoolStreams(folder).first)
        return stream.folder.path + "/" + (try #require(try stream.segments().last?.name))
    }

    private static func append(_ text: String, to path: String) throws {
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
    }

    @Test func aLineThatWasCutShortIsTakenOffAndTheStreamGoesOn() async throws {
        try await withSpool { folder in
            try await recordUsage(1...2, folder)
            try Self.append("3 0123abcd {\"id\":\"cut", to: try Self.segment(folder))
            let platform = SpoolPlatform()
            #expect(try await platform.sender(folder).sendAll() == 2)
            try await recordUsage(3...3, folder)
            #expect(try await platform.sender(folder).sendAll() == 1)
            #expect(try spoolStreams(folder).count == 1)
            #expect(platform.all.map(\.sequence) == [1, 3])
        }
    }

    /// Something that only a disk can have done: what its places were given to is not certain.
    @Test(arguments: ["3 0123abcd {\"id\":\"whole\"}\n", "\0\0\0\0\n", "garbage\n"])
    func anEndThatCannotBeReadBeginsAnotherStream(end: String) async throws {
        try await withSpool { folder in
            try await recordUsage(1...2, folder)
            try Self.append(end, to: try Self.segment(folder))
            try await recordUsage(3...3, folder)
            #expect(try spoolStreams(folder).count == 2)
            let platform = SpoolPlatform()
            _ = try await platform.sender(folder).sendAll()
            #expect(platform.all.map(\.sequence) == [1, 1])
            #expect(Set(platform.all.flatMap(\.ids)) == Set(usageIDs(1...3)))
        }
    }

    /// A copy of the disk, or the same one after a power cut, may have gone back in time.
    @Test func anotherMachinesStreamIsNotGoneOnWith() async throws {
        try await withSpool { folder in
            try await recordUsage(1...2, folder)
            let stream = try spoolStreams(folder)[0]
            try stream.folder.replace("origin", with: Array("another-boot 1 1\n".utf8))
            try await recordUsage(3...3, folder)
            #expect(try spoolStreams(folder).count == 2)
        }
    }

    @Test func twoWritersHaveTwoStreams() async throws {
        try await withSpool { folder in
            let (one, other) = (UsageSpool(folder: folder), UsageSpool(folder: folder))
            try await one.record(usageEvent(1))
            try await other.record(usageEvent(2))
            try await one.record(usageEvent(3))
            let platform = SpoolPlatform()
            #expect(try await platform.sender(folder).sendAll() == 3)
            #expect(
                Set(platform.all.map(\.ids)) == [[usageEvent(1).id, usageEvent(3).id], [usageEvent(2).id]])
        }
    }

    @Test func aRecordThatTheDiskHasSpoiltIsToldAsLost() async throws {
        try await withSpool { folder in
            try await recordUsage(1...3, folder)
            let path = try Self.segment(folder)
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try text.replacing(usageEvent(2).id, with: usageEvent(9).id)
                .write(toFile: path, atomically: false, encoding: .utf8)
            let platform = SpoolPlatform()
            _ = try await platform.sender(folder).sendAll()
            #expect(platform.all.map(\.ids) == [usageIDs(1...1), usageIDs(3...3)])
            #expect(platform.all.flatMap(\.lost) == [SequenceRange(from: 2, to: 2)])
        }
    }

    @Test func anIDIsOfVersion7AndInTheOrderOfTime() {
        let early = EventID.make(at: Date(timeIntervalSince1970: 1_700_000_000))
        let late = EventID.make(at: Date(timeIntervalSince1970: 1_700_000_000.002))
        #expect(UUID(uuidString: early) != nil && early.dropFirst(14).first == "7" && early < late)
        #expect(["8", "9", "a", "b"].contains(early.dropFirst(19).first))
        #expect(early.hasPrefix("018bcfe5-6800-7"))
    }
}
