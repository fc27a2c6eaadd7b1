// Every route of the administration side. What is not in this list does not exist, and a test asks each as each role.
import { apiRoutes } from './api/routes.ts'
import type { Admin } from './app.ts'
import { accountRoutes } from './pages/account.ts'
import { bulkBootRoutes } from './pages/bulk-boot.ts'
import { bulkEditRoutes } from './pages/bulk-edit.ts'
import { bulkRemovalRoutes } from './pages/bulk-removal.ts'
import { homeRoutes } from './pages/home.ts'
import { importRoutes } from './pages/import.ts'
import { invitationRoutes } from './pages/invitation.ts'
import { logInRoutes } from './pages/log-in.ts'
import { machineAdditionRoutes } from './pages/machine-addition.ts'
import { machineListRoutes } from './pages/machines.ts'
import { strangerRoutes } from './pages/strangers.ts'
import { userRoutes } from './pages/users.ts'
import type { Route } from './route.ts'

export const adminRoutes = (admin: Admin): readonly Route[] => [
  ...homeRoutes(),
  ...logInRoutes(admin),
  ...invitationRoutes(admin),
  ...accountRoutes(admin),
  ...userRoutes(admin),
  ...machineListRoutes(admin),
  ...machineAdditionRoutes(admin),
  ...bulkEditRoutes(admin),
  ...bulkBootRoutes(admin),
  ...bulkRemovalRoutes(admin),
  ...strangerRoutes(admin),
  ...importRoutes(admin),
  ...apiRoutes(admin),
]
