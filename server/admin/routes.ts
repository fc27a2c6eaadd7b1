// Every route of the administration side. What is not in this list does not exist, and a test asks each as each role.
import { apiRoutes } from './api/routes.ts'
import type { Admin } from './app.ts'
import { accountRoutes } from './pages/account.ts'
import { bulkBootRoutes } from './pages/bulk-boot.ts'
import { bulkEditRoutes } from './pages/bulk-edit.ts'
import { bulkRemovalRoutes } from './pages/bulk-removal.ts'
import { changeRoutes } from './pages/changes.ts'
import { dom0Routes } from './pages/dom0.ts'
import { farmRoutes } from './pages/farm.ts'
import { findingRoutes } from './pages/findings.ts'
import { generateRoutes } from './pages/generate.ts'
import { guestMoveRoutes } from './pages/guest-move.ts'
import { importRoutes } from './pages/import.ts'
import { invitationRoutes } from './pages/invitation.ts'
import { logInRoutes } from './pages/log-in.ts'
import { machineAdditionRoutes } from './pages/machine-addition.ts'
import { machineRoutes } from './pages/machine.ts'
import { machineArtefactRoutes } from './pages/machine-artefacts.ts'
import { machineEditRoutes } from './pages/machine-edit.ts'
import { machineExplainRoutes } from './pages/machine-explain.ts'
import { machineHistoryRoutes } from './pages/machine-history.ts'
import { machineTimelineRoutes } from './pages/machine-timeline.ts'
import { machineListRoutes } from './pages/machines.ts'
import { rowEditRoutes } from './pages/row-edit.ts'
import { rowRoutes } from './pages/rows.ts'
import { siteRoutes } from './pages/site.ts'
import { strangerRoutes } from './pages/strangers.ts'
import { userRoutes } from './pages/users.ts'
import type { Route } from './route.ts'

export const adminRoutes = (admin: Admin): readonly Route[] => [
  ...farmRoutes(admin),
  ...logInRoutes(admin),
  ...invitationRoutes(admin),
  ...accountRoutes(admin),
  ...userRoutes(admin),
  ...machineListRoutes(admin),
  ...machineAdditionRoutes(admin),
  ...machineRoutes(admin),
  ...machineEditRoutes(admin),
  ...machineExplainRoutes(admin),
  ...machineArtefactRoutes(admin),
  ...machineTimelineRoutes(admin),
  ...machineHistoryRoutes(admin),
  ...rowRoutes(admin),
  ...rowEditRoutes(admin),
  ...siteRoutes(admin),
  ...bulkEditRoutes(admin),
  ...bulkBootRoutes(admin),
  ...bulkRemovalRoutes(admin),
  ...strangerRoutes(admin),
  ...importRoutes(admin),
  ...dom0Routes(admin),
  ...guestMoveRoutes(admin),
  ...findingRoutes(admin),
  ...changeRoutes(admin),
  ...generateRoutes(admin),
  ...apiRoutes(admin),
]
