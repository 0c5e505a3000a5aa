import Logging
import WireText

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Every instance of the account, living and lately terminated.
actor Fleet {
    let driver: any InstanceDriver
    let consistencyDelay: Duration
    private let images: [String: String]
    private let anyImage: Bool
    let logger: Logger
    private let subnet: Subnet
    private let region: String
    private(set) var network: VirtualNetwork
    var storage = BlockStorage()
    private var instances: [String: Instance] = [:]
    private var order: [String] = []
    /// Address to living instance.
    private var addresses: [String: String] = [:]
    private var tokens = ClientTokens()
    /// The last work on an instance or snapshot; the next waits for it.
    private var work: [String: Task<Void, Never>] = [:]
    private var nextSlot = 0

    init(settings: Settings, driver: any InstanceDriver) {
        self.driver = driver
        consistencyDelay = settings.consistencyDelay
        images = settings.images
        anyImage = settings.driver == .simulated && settings.images.isEmpty
        logger = settings.logger
        subnet = settings.subnet
        region = settings.region
        network = VirtualNetwork(region: settings.region, block: settings.subnet.text)
    }

    var imageIDs: [String] { images.keys.sorted() }

    /// All instances in the order of their launch.
    var all: [Instance] { order.compactMap { instances[$0] } }

    /// All that a read sees.
    var allVisible: [Instance] { all.filter(isVisible) }

    /// An instance as a read sees it: not yet, while it is newer than the consistency delay.
    func visible(_ id: String) -> Instance? { instances[id].flatMap { isVisible($0) ? $0 : nil } }

    func instance(_ id: String) -> Instance? { instances[id] }

    /// The living instance with an address.
    func instance(at address: String) -> Instance? { addresses[address].flatMap { instances[$0] } }

    func isVisible(_ instance: Instance) -> Bool { instance.visibleAt.isPast }

    /// The instances of one reservation, launched now or by an earlier request with the same token.
    func run(_ request: LaunchRequest) throws -> [Instance] {
        let scope = request.zonal ? request.subnet.zone : region
        if let token = request.clientToken, let earlier = tokens.find(token, scope: scope) {
            return try repeated(earlier, request)
        }
        guard anyImage || images[request.imageID] != nil else {
            throw AWSError(
                "InvalidAMIID.NotFound", "The image id '[\(request.imageID)]' does not exist")
        }
        try storage.check(request.volumes)
        let reservation = ResourceID.random("r")
        var launched: [Instance] = []
        for index in 0..<request.count {
            launched.append(try admit(request, index: index, reservation: reservation))
        }
        for instance in launched { begin(instance) }
        if let token = request.clientToken {
            tokens.remember(token, scope: scope, request: request.fingerprint, instances: launched.map(\.id))
        }
        return launched
    }

    private func repeated(_ earlier: ClientTokens.Entry, _ request: LaunchRequest) throws -> [Instance] {
        guard earlier.request == request.fingerprint else {
            throw AWSError(
                "IdempotentParameterMismatch",
                "Arguments on this idempotent request are inconsistent "
                    + "with arguments used in previous request(s)."
            )
        }
        let found = earlier.instances.compactMap { instances[$0] }
        guard found.count == earlier.instances.count, !found.contains(where: { $0.state.isEnding }) else {
            throw AWSError(
                "IdempotentInstanceTerminated",
                "The request to launch an instance uses the same client token as a previous request "
                    + "for which the instance has been terminated.")
        }
        return found
    }

    private func admit(_ request: LaunchRequest, index: Int, reservation: String) throws -> Instance {
        let address = try freeAddress()
        nextSlot += 1
        let id = ResourceID.random("i")
        let visibleAt = Visibility.instant(lag: consistencyDelay)
        let volumes = request.volumes.map {
            storage.attach($0, to: id, zone: request.subnet.zone, visibleAt: visibleAt)
        }
        return Instance(
            id: id, reservationID: reservation, launchIndex: index,
            ordinal: nextSlot, imageID: request.imageID, type: request.type, subnetID: request.subnet.id,
            zone: request.subnet.zone, securityGroupIDs: request.securityGroupIDs, privateAddress: address,
            userData: request.userData, profile: request.profile, clientToken: request.clientToken,
            metadata: request.metadata, launchedAt: Date(), visibleAt: visibleAt,
            interfaceID: ResourceID.random("eni"), macAddress: Self.mac(address), volumes: volumes,
            tags: request.tags)
    }

    /// The next address after the last one given; a freed one is used again only after all others.
    private var nextAddress = 0

    private func freeAddress() throws -> String {
        for _ in 0..<subnet.instanceCapacity {
            let candidate = subnet.instanceAddress(nextAddress % subnet.instanceCapacity)
            nextAddress += 1
            if let candidate, addresses[candidate] == nil { return candidate }
        }
        throw AWSError(
            "InsufficientFreeAddressesInSubnet",
            "There are not enough free addresses in subnet \(subnet.text) to satisfy the request.")
    }

    private static func mac(_ address: String) -> String {
        let number = Subnet.parse(address) ?? 0
        let pairs = [24, 16, 8, 0].map { [UInt8(truncatingIfNeeded: number >> UInt32($0))].hex }
        return "02:42:" + pairs.joined(separator: ":")
    }

    private func begin(_ instance: Instance) {
        instances[instance.id] = instance
        addresses[instance.privateAddress] = instance.id
        order.append(instance.id)
        afterEarlierWork(on: instance.id) { await self.launch(instance) }
    }

    private func launch(_ instance: Instance) async {
        do {
            try await driver.launch(instance) { await self.agentRegistered(instance.id) }
            if instances[instance.id]?.state == .pending { instances[instance.id]?.state = .running }
        } catch {
            logger.error("launch failed", metadata: ["instance": "\(instance.id)", "error": "\(error)"])
            try? await driver.terminate(instance)
            guard instances[instance.id]?.state == .pending else { return }
            end(instance)
            instances[instance.id]?.reason = StateReason(
                code: "Server.InternalError", message: "Server.InternalError: Internal error on launch")
            instances[instance.id]?.lastConsole = "\(error)"
        }
    }

    private func agentRegistered(_ id: String) {
        guard let state = instances[id]?.state, !state.isEnding else { return }
        if instances[id]?.agentRegisteredAt == nil { instances[id]?.agentRegisteredAt = Date() }
    }

    // MARK: Changes

    /// Moves an instance on and does the work behind it; the answer carries the state reached at once.
    func change(_ id: String, to transition: Transition) throws -> (
        before: InstanceState, after: InstanceState
    ) {
        guard let instance = instances[id] else { throw Self.notFound([id]) }
        guard let next = try transition.next(instance) else { return (instance.state, instance.state) }
        instances[id]?.state = next
        if transition == .terminate {
            instances[id]?.reason = StateReason(
                code: "Client.UserInitiatedShutdown",
                message: "Client.UserInitiatedShutdown: User initiated shutdown")
            instances[id]?.transitionReason = "User initiated"
        }
        afterEarlierWork(on: id) { await self.carryOut(transition, instance) }
        return (instance.state, next)
    }

    /// Work on one thing happens one after another, and not in the request that asks for it.
    func afterEarlierWork(on id: String, _ body: @escaping @Sendable () async -> Void) {
        let previous = work[id]
        work[id] = Task {
            await previous?.value
            await body()
        }
    }

    /// Waits until what was asked of the instance so far is done.
    func settled(_ id: String) async { await work[id]?.value }

    private func carryOut(_ transition: Transition, _ instance: Instance) async {
        let id = instance.id
        do {
            switch transition {
            case .terminate:
                instances[id]?.lastConsole = await driver.console(instance)
                try await driver.terminate(instance)
                end(instance)
            case .stop:
                try await driver.stop(instance)
                if instances[id]?.state == .stopping { instances[id]?.state = .stopped }
            case .start:
                try await driver.start(instance)
                if instances[id]?.state == .pending { instances[id]?.state = .running }
            case .reboot:
                try await driver.reboot(instance)
            }
        } catch {
            logger.error("\(transition) failed", metadata: ["instance": "\(id)", "error": "\(error)"])
            if transition == .terminate { end(instance) }
        }
    }

    private func end(_ instance: Instance) {
        instances[instance.id]?.state = .terminated
        if addresses[instance.privateAddress] == instance.id { addresses[instance.privateAddress] = nil }
        storage.release(from: instance.id)
    }

    /// Leaves no trace of an ended instance, as EC2 does after about an hour.
    func remove(_ id: String) {
        instances[id] = nil
        order.removeAll { $0 == id }
    }

    /// Takes the SSM agent offline, or brings it back; the instance itself does not notice.
    func setAgent(_ id: String, isOnline: Bool) {
        guard (instances[id]?.agentLostAt == nil) != isOnline else { return }
        instances[id]?.agentLostAt = isOnline ? nil : Date()
    }

    func setType(_ id: String, _ type: String) { instances[id]?.type = type }

    /// Ends every living instance and waits for it: what a graceful exit does.
    func terminateAll() async {
        for instance in all where !instance.state.isEnding { _ = try? change(instance.id, to: .terminate) }
        for task in work.values { await task.value }
        try? await driver.removeLeftovers()
    }

    func setTags(_ id: String, _ tags: [String: String]) {
        network.setTags(id, tags)
        storage.setTags(id, tags)
        instances[id]?.tags = tags
    }

    func changeNetwork<Result: Sendable>(
        _ body: @Sendable (inout VirtualNetwork) throws -> Result
    ) rethrows -> Result {
        try body(&network)
    }

    /// Whether a living instance uses the security group.
    func uses(group id: String) -> Bool {
        instances.values.contains { $0.state != .terminated && $0.securityGroupIDs.contains(id) }
    }

    static func notFound(_ ids: [String]) -> AWSError {
        let list = ids.joined(separator: ", ")
        return AWSError(
            "InvalidInstanceID.NotFound",
            ids.count == 1
                ? "The instance ID '\(list)' does not exist" : "The instance IDs '\(list)' do not exist")
    }
}
