import CurlHTTP
import Foundation
import WireText
import XMLCoder

/// EC2's Query API, version 2016-11-15: form posts answered in XML. Source: Amazon EC2 API Reference.
package struct EC2Client: Sendable {
    package static let version = "2016-11-15"

    private let connection: AWSConnection

    package init(_ connection: AWSConnection) { self.connection = connection }

    /// Launches one instance, or finds the one that the same client token launched before.
    package func runInstances(_ request: RunInstancesRequest) async throws -> EC2Instance {
        let answer = try await call("RunInstances", request.parameters, as: RunInstancesAnswer.self)
        guard let instance = answer.instancesSet.items.first else { throw malformed("RunInstances") }
        return instance
    }

    /// Every instance that matches all filters, all pages. An empty filter list is refused: it would be
    /// everything.
    package func describeInstances(filters: [EC2Filter]) async throws -> [EC2Instance] {
        try await pages("DescribeInstances", filters, as: DescribeInstancesAnswer.self) { page in
            (page.reservationSet.items.flatMap(\.instancesSet.items), page.nextToken)
        }
    }

    package func describeVolumes(filters: [EC2Filter]) async throws -> [EC2Volume] {
        try await pages("DescribeVolumes", filters, as: DescribeVolumesAnswer.self) { page in
            (page.volumeSet.items, page.nextToken)
        }
    }

    package func describeSnapshots(filters: [EC2Filter]) async throws -> [EC2Snapshot] {
        try await pages(
            "DescribeSnapshots", filters, [("Owner.1", "self")], as: DescribeSnapshotsAnswer.self
        ) { page in (page.snapshotSet.items, page.nextToken) }
    }

    /// A snapshot of the volume as it is now; it completes later. There is no client token.
    package func createSnapshot(volumeID: String, tags: [String: String]) async throws -> EC2Snapshot {
        var parameters = [("VolumeId", volumeID), ("TagSpecification.1.ResourceType", "snapshot")]
        for (index, tag) in tags.sorted(by: { $0.key < $1.key }).enumerated() {
            parameters.append(("TagSpecification.1.Tag.\(index + 1).Key", tag.key))
            parameters.append(("TagSpecification.1.Tag.\(index + 1).Value", tag.value))
        }
        return try await call("CreateSnapshot", parameters, as: EC2Snapshot.self)
    }

    /// Deleting what is gone already is a success.
    package func deleteSnapshot(id: String) async throws {
        do {
            _ = try await call("DeleteSnapshot", [("SnapshotId", id)], as: RequestOnly.self)
        } catch let error as ProviderError where error.code == "InvalidSnapshot.NotFound" {
            return
        }
    }

    /// - Parameter ids: 1 to 1,000.
    package func describeInstances(ids: [String]) async throws -> [EC2Instance] {
        guard !ids.isEmpty else { return [] }
        let answer = try await call(
            "DescribeInstances", ids.numbered("InstanceId"), as: DescribeInstancesAnswer.self)
        return answer.reservationSet.items.flatMap(\.instancesSet.items)
    }

    package func terminateInstances(ids: [String]) async throws {
        guard !ids.isEmpty else { return }
        _ = try await call("TerminateInstances", ids.numbered("InstanceId"), as: RequestOnly.self)
    }

    /// What the instance has written to its console, at most 64 KiB; empty before the first line.
    package func getConsoleOutput(id: String) async throws -> String {
        let answer = try await call("GetConsoleOutput", [("InstanceId", id)], as: ConsoleOutputAnswer.self)
        let bytes = Data(base64Encoded: answer.output ?? "", options: .ignoreUnknownCharacters) ?? Data()
        return String(decoding: bytes, as: UTF8.self)
    }

    package func createTags(resources: [String], tags: [String: String]) async throws {
        var parameters = resources.numbered("ResourceId")
        for (index, tag) in tags.sorted(by: { $0.key < $1.key }).enumerated() {
            parameters.append(("Tag.\(index + 1).Key", tag.key))
            parameters.append(("Tag.\(index + 1).Value", tag.value))
        }
        _ = try await call("CreateTags", parameters, as: RequestOnly.self)
    }

    // MARK: The wire

    private func pages<Page: Decodable, Item>(
        _ operation: String, _ filters: [EC2Filter], _ more: [(String, String)] = [], as _: Page.Type,
        _ items: (Page) -> ([Item], nextToken: String?)
    ) async throws -> [Item] {
        precondition(!filters.isEmpty, "without a filter everything in the account would answer")
        var all: [Item] = []
        var token: String?
        repeat {
            var parameters = filters.parameters + more + [("MaxResults", "1000")]
            if let token { parameters.append(("NextToken", token)) }
            let (page, next) = items(try await call(operation, parameters, as: Page.self))
            all += page
            token = next.flatMap { $0.isEmpty ? nil : $0 }
        } while token != nil
        return all
    }

    package func call<Output: Decodable>(
        _ operation: String, _ parameters: [(String, String)], as _: Output.Type
    ) async throws -> Output {
        let form = [("Action", operation), ("Version", Self.version)] + parameters
        let answer = try await connection.send(
            .init(
                service: "ec2", operation: operation,
                contentType: "application/x-www-form-urlencoded; charset=utf-8", body: FormBody.encode(form)),
            parseError: XMLErrorAnswer.parse)
        do {
            return try XMLDecoder().decode(Output.self, from: Data(answer.body))
        } catch {
            throw malformed(operation, requestID: answer.requestID)
        }
    }

    private func malformed(_ operation: String, requestID: String? = nil) -> ProviderError {
        ProviderError(
            service: "ec2", operation: operation, status: 200, code: ProviderError.malformedCode,
            message: "The answer is not what the API describes.", requestID: requestID,
            mayHaveTakenEffect: true)
    }
}

extension [String] {
    /// `InstanceId.1=..&InstanceId.2=..`
    func numbered(_ name: String) -> [(String, String)] {
        enumerated().map { ("\(name).\($0 + 1)", $1) }
    }
}

extension [EC2Filter] {
    fileprivate var parameters: [(String, String)] {
        enumerated().flatMap { index, filter in
            [("Filter.\(index + 1).Name", filter.name)]
                + filter.values.enumerated().map { ("Filter.\(index + 1).Value.\($0 + 1)", $1) }
        }
    }
}
