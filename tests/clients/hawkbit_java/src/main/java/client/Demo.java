package client;

import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.eclipse.hawkbit.ddi.rest.api.DdiRootControllerRestApi;
import org.eclipse.hawkbit.mgmt.json.model.distributionset.MgmtActionType;
import org.eclipse.hawkbit.mgmt.json.model.distributionset.MgmtDistributionSetRequestBodyPost;
import org.eclipse.hawkbit.mgmt.json.model.rollout.MgmtRolloutCondition;
import org.eclipse.hawkbit.mgmt.json.model.rollout.MgmtRolloutCondition.Condition;
import org.eclipse.hawkbit.mgmt.json.model.rollout.MgmtRolloutErrorAction;
import org.eclipse.hawkbit.mgmt.json.model.rollout.MgmtRolloutErrorAction.ErrorAction;
import org.eclipse.hawkbit.mgmt.json.model.rollout.MgmtRolloutRestRequestBody;
import org.eclipse.hawkbit.mgmt.json.model.rollout.MgmtRolloutSuccessAction;
import org.eclipse.hawkbit.mgmt.json.model.rollout.MgmtRolloutSuccessAction.SuccessAction;
import org.eclipse.hawkbit.mgmt.json.model.rolloutgroup.MgmtRolloutGroup;
import org.eclipse.hawkbit.mgmt.json.model.softwaremodule.MgmtSoftwareModuleAssigment;
import org.eclipse.hawkbit.mgmt.json.model.softwaremodule.MgmtSoftwareModuleRequestBodyPost;
import org.eclipse.hawkbit.mgmt.json.model.system.MgmtSystemTenantConfigurationValueRequest;
import org.eclipse.hawkbit.mgmt.json.model.tag.MgmtAssignedTargetRequestBody;
import org.eclipse.hawkbit.mgmt.json.model.tag.MgmtTagRequestBodyPut;
import org.eclipse.hawkbit.mgmt.json.model.target.MgmtDistributionSetAssignment;
import org.eclipse.hawkbit.mgmt.json.model.target.MgmtDistributionSetAssignments;
import org.eclipse.hawkbit.mgmt.json.model.target.MgmtTargetRequestBody;
import org.eclipse.hawkbit.mgmt.rest.api.MgmtDistributionSetRestApi;
import org.eclipse.hawkbit.mgmt.rest.api.MgmtRolloutRestApi;
import org.eclipse.hawkbit.mgmt.rest.api.MgmtSoftwareModuleRestApi;
import org.eclipse.hawkbit.mgmt.rest.api.MgmtTargetRestApi;
import org.eclipse.hawkbit.mgmt.rest.api.MgmtTargetTagRestApi;
import org.eclipse.hawkbit.mgmt.rest.api.MgmtTenantManagementRestApi;

/** What hawkBit's demonstration does, step by step: {@code Demo SERVER USER PASSWORD}. Ends with 1 at the first fault. */
public final class Demo {
    private static final int DEVICES = 12;
    private static final List<String> REGIONS = List.of("Europe", "Asia");

    private final MgmtTenantManagementRestApi tenant;
    private final MgmtTargetTagRestApi tags;
    private final MgmtTargetRestApi targets;
    private final MgmtSoftwareModuleRestApi modules;
    private final MgmtDistributionSetRestApi sets;
    private final MgmtRolloutRestApi rollouts;
    private final List<Device> devices;
    private final String gatewayToken = UUID.randomUUID().toString();
    private final byte[] content = new byte[50_000];

    private Demo(String server, String user, String password) {
        String basic = "Basic " + Base64.getEncoder().encodeToString((user + ":" + password).getBytes());
        tenant = Clients.of(MgmtTenantManagementRestApi.class, server, basic);
        tags = Clients.of(MgmtTargetTagRestApi.class, server, basic);
        targets = Clients.of(MgmtTargetRestApi.class, server, basic);
        modules = Clients.of(MgmtSoftwareModuleRestApi.class, server, basic);
        sets = Clients.of(MgmtDistributionSetRestApi.class, server, basic);
        rollouts = Clients.of(MgmtRolloutRestApi.class, server, basic);
        var ddi = Clients.of(DdiRootControllerRestApi.class, server, "GatewayToken " + gatewayToken);
        devices = IntStream.range(0, DEVICES).mapToObj(i -> new Device(ddi, "dev-" + i)).toList();
        new Random(7).nextBytes(content);
    }

    public static void main(String[] arguments) throws Exception {
        Demo demo = new Demo(arguments[0], arguments[1], arguments[2]);
        demo.configure();
        demo.register();
        List<Long> made = List.of(demo.makeSet("1.0"), demo.makeSet("2.0"), demo.makeSet("3.0"));
        demo.devices.forEach(Device::introduce);
        MgmtRolloutRestRequestBody groups = demo.rollout("groups", made.get(0));
        groups.setAmountGroups(4);
        demo.rollOut(groups, 4);
        MgmtRolloutRestRequestBody semiAutomatic = demo.rollout("semi-automatic", made.get(1));
        semiAutomatic.setGroups(semiAutomaticGroups());
        demo.rollOut(semiAutomatic, 7);
        demo.assignAndCancel(made.get(2));
        demo.clean();
        System.out.println("done");
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    private static void eventually(String what, Callable<Boolean> question) throws Exception {
        for (long end = System.nanoTime() + 40_000_000_000L; System.nanoTime() < end; Thread.sleep(50)) {
            if (question.call()) {
                return;
            }
        }
        throw new AssertionError(what + " was not reached");
    }

    private void configure() {
        var value = new MgmtSystemTenantConfigurationValueRequest();
        value.setValue(true);
        tenant.updateTenantConfigurationValue("authentication.gatewaytoken.enabled", value);
        value.setValue(gatewayToken);
        tenant.updateTenantConfigurationValue("authentication.gatewaytoken.key", value);
        var now = tenant.getTenantConfiguration().getBody();
        check(Boolean.TRUE.equals(now.get("authentication.gatewaytoken.enabled").getValue()), "the token is on");
    }

    private void register() {
        targets.createTargets(IntStream.range(0, DEVICES)
                .mapToObj(i -> new MgmtTargetRequestBody().setControllerId("dev-" + i).setName("Device " + i))
                .toList());
        for (int region = 0; region < REGIONS.size(); region++) {
            var tag = new MgmtTagRequestBodyPut().setName(REGIONS.get(region)).setColour("#112233");
            long id = tags.createTargetTags(List.of(tag)).getBody().get(0).getTagId();
            tags.assignTargets(id, IntStream.range(4 * region, 4 * region + 4)
                    .mapToObj(i -> new MgmtAssignedTargetRequestBody().setControllerId("dev-" + i))
                    .toList());
            check(tags.getAssignedTargets(id, 0, 50, null, null).getBody().getTotal() == 4, "four have the tag");
        }
        var asia = targets.getTargets(0, 500, "controllerId:DESC", "tag==Asia").getBody();
        check(asia.getTotal() == 4 && asia.getContent().get(0).getControllerId().equals("dev-7"), "found by tag");
    }

    private long makeSet(String version) {
        List<MgmtSoftwareModuleAssigment> parts = new ArrayList<>();
        for (String type : List.of("os", "application")) {
            var module = new MgmtSoftwareModuleRequestBodyPost().setName(type).setVersion(version).setType(type);
            long id = modules.createSoftwareModules(List.of(module)).getBody().get(0).getModuleId();
            Upload file = new Upload(type + ".bin", content);
            var artifact = modules.uploadArtifact(id, file, null, null, null, null).getBody();
            check(artifact.getSize() == content.length, "the size of what was uploaded");
            var part = new MgmtSoftwareModuleAssigment();
            part.setId(id);
            parts.add(part);
        }
        var set = new MgmtDistributionSetRequestBodyPost().setType("os_app").setModules(parts);
        set.setName("set").setVersion(version);
        return sets.createDistributionSets(List.of(set)).getBody().get(0).getDsId();
    }

    private MgmtRolloutRestRequestBody rollout(String name, long set) {
        var rollout = new MgmtRolloutRestRequestBody();
        rollout.setName(name);
        rollout.setTargetFilterQuery("name==*");
        rollout.setDistributionSetId(set);
        rollout.setSuccessCondition(new MgmtRolloutCondition(Condition.THRESHOLD, "80"));
        rollout.setSuccessAction(new MgmtRolloutSuccessAction(SuccessAction.NEXTGROUP, ""));
        rollout.setErrorCondition(new MgmtRolloutCondition(Condition.THRESHOLD, "5"));
        rollout.setErrorAction(new MgmtRolloutErrorAction(ErrorAction.PAUSE, ""));
        return rollout;
    }

    private static List<MgmtRolloutGroup> semiAutomaticGroups() {
        List<MgmtRolloutGroup> groups = new ArrayList<>();
        for (String region : REGIONS) {
            groups.add(group(region + "-1", "tag==" + region, 10));
            groups.add(group(region + "-2", "tag==" + region, 50));
            groups.add(group(region + "-3", "tag==" + region, 100));
        }
        groups.add(group("final", "name==*", 100));
        return groups;
    }

    private static MgmtRolloutGroup group(String name, String query, float percent) {
        var group = new MgmtRolloutGroup();
        group.setName(name);
        group.setTargetFilterQuery(query);
        group.setTargetPercentage(percent);
        return group;
    }

    private String status(long rollout) {
        return rollouts.getRollout(rollout).getBody().getStatus();
    }

    private void rollOut(MgmtRolloutRestRequestBody wanted, int groups) throws Exception {
        long id = rollouts.create(wanted).getBody().getRolloutId();
        eventually("ready", () -> status(id).equalsIgnoreCase("ready"));
        check(rollouts.getRolloutGroups(id, 0, 50, null, null).getBody().getTotal() == groups, "its groups");
        rollouts.start(id);
        eventually("the end of " + wanted.getName(), () -> {
            for (Device device : devices) {
                device.work(content);
            }
            return status(id).equalsIgnoreCase("finished");
        });
        var counts = rollouts.getRollout(id).getBody().getTotalTargetsPerStatus();
        check(counts.get("finished") == DEVICES, "all have finished: " + counts);
        var installed = sets.getInstalledTargets(wanted.getDistributionSetId(), 0, 50, null, null).getBody();
        check(installed.getTotal() == DEVICES, "all have it installed");
        check(targets.getTarget("dev-5").getBody().getUpdateStatus().equals("in_sync"), "in sync");
    }

    private void assignAndCancel(long set) {
        var wanted = new MgmtDistributionSetAssignment(set);
        wanted.setType(MgmtActionType.SOFT);
        var answer = targets.postAssignedDistributionSet("dev-0", new MgmtDistributionSetAssignments(wanted), false);
        long action = answer.getBody().getAssignedActions().get(0).getActionId();
        check(targets.getAction("dev-0", action).getBody().getActionType() == MgmtActionType.SOFT, "soft");
        targets.cancelAction("dev-0", action, false);
        check(devices.get(0).stop() == action, "the action that is canceled");
        check(targets.getAction("dev-0", action).getBody().getStatus().equals("finished"), "it is over");
        check(targets.getActionStatusList("dev-0", action, 0, 50, null).getBody().getTotal() >= 2, "its history");
    }

    private void clean() {
        targets.getTargets(0, 500, null, null).getBody().getContent()
                .forEach(target -> targets.deleteTarget(target.getControllerId()));
        tags.getTargetTags(0, 500, null, null).getBody().getContent().forEach(tag -> tags.deleteTargetTag(tag.getTagId()));
        rollouts.getRollouts(0, 500, null, null).getBody().getContent()
                .forEach(rollout -> rollouts.delete(rollout.getRolloutId()));
        sets.getDistributionSets(0, 500, null, null).getBody().getContent()
                .forEach(set -> sets.deleteDistributionSet(set.getDsId()));
        modules.getSoftwareModules(0, 500, null, null).getBody().getContent()
                .forEach(module -> modules.deleteSoftwareModule(module.getModuleId()));
        check(targets.getTargets(0, 500, null, null).getBody().getTotal() == 0, "no target is left");
        try {
            targets.getTarget("dev-0");
            throw new AssertionError("a target that was deleted is there");
        } catch (Clients.Refused refused) {
            check(refused.status == 404, "404 for what is gone");
        }
    }
}
